// The round trip through openapi-typescript's types and its fetch client.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: [string, string, string, string] };
const [, , baseUrl, code] = process.argv;
const anyone = createClient<paths>({ baseUrl });
const writer = createClient<paths>({ baseUrl, headers: { "x-api-key": "demo" } });
const body = { code, name: "Field", city: "Town", state: "NY", latitude: 40.5, longitude: -73.5 };

const found = await anyone.GET("/airports", { params: { query: { state: "HI", limit: 2 } } });
const states = await anyone.GET("/states");
const away = await anyone.GET("/distance", { params: { query: { a: "JFK", b: "LAX", unit: "km" } } });
const refused = await anyone.POST("/airports", { body });
const created = await writer.POST("/airports", { body });
const taken = await writer.POST("/airports", { body });
const faulty = await writer.POST("/airports", { body: { ...body, latitude: 91, name: "" } });
const changed = await writer.PATCH("/airports/{code}", { params: { path: { code } }, body: { name: "New" } });
const read = await anyone.GET("/airports/{code}", { params: { path: { code } } });
const near = await anyone.GET("/airports/{code}/nearest", { params: { path: { code }, query: { count: 1 } } });
const rows = `code,name,city,state,latitude,longitude\n${code},Again,Town,NY,1,2\n`;
const imported = await writer.POST("/import", {
  body: { file: rows }, // the types call a file a string; what is sent is a file
  bodySerializer: ({ file }) => {
    const form = new FormData();
    form.set("file", new File([file], "rows.csv"));
    return form;
  },
});
const whole = await anyone.GET("/airports.csv", { parseAs: "text" });
const deleted = await writer.DELETE("/airports/{code}", { params: { path: { code } } });
const missing = await anyone.GET("/airports/{code}", { params: { path: { code } } });

// What is wrong is seen before it is sent, and what is answered has its type.
export const wrong = () => [
  // @ts-expect-error: no such unit
  anyone.GET("/distance", { params: { query: { a: "JFK", b: "LAX", unit: "parsec" } } }),
  // @ts-expect-error: `b` is required
  anyone.GET("/distance", { params: { query: { a: "JFK" } } }),
  // @ts-expect-error: an airport has more than a name
  writer.POST("/airports", { body: { name: "Field" } }),
  // @ts-expect-error: no such path
  anyone.GET("/airport"),
  // @ts-expect-error: a number is no text
  found.data?.total.toUpperCase(),
  // @ts-expect-error: nor is an airport
  read.data?.toUpperCase(),
];

console.log(
  JSON.stringify({
    found: [found.data?.total, found.data?.airports.length, found.data?.airports[0]?.state],
    hawaii: states.data?.HI,
    distance: [away.data?.distance, away.data?.unit],
    refused: refused.error?.code,
    created: [created.response.status, created.data?.name],
    taken: taken.error?.code,
    faulty: faulty.error?.errors?.map((each) => each.pointer),
    changed: changed.data?.name,
    read: [read.data?.name, read.data?.latitude],
    near: near.data?.length,
    imported: [imported.data?.added, imported.data?.replaced],
    csv: whole.data?.split("\n")[0]?.trim(),
    deleted: deleted.response.status,
    missing: missing.error?.code,
  }),
);
