// The round trip through @hey-api/openapi-ts's functions.
import { client } from "./hey/client.gen.js";
import * as api from "./hey/sdk.gen.js";

declare const process: { argv: [string, string, string, string] };
const [, , baseUrl, code] = process.argv;
const body = { code, name: "Field", city: "Town", state: "NY", latitude: 40.5, longitude: -73.5 };
const path = { code };

client.setConfig({ baseUrl });
const found = await api.listAirports({ query: { state: "HI", limit: 2 } });
const states = await api.states();
const away = await api.distance({ query: { a: "JFK", b: "LAX", unit: "km" } });
const refused = await api.createAirport({ body });
client.setConfig({ auth: "demo" });
const created = await api.createAirport({ body });
const taken = await api.createAirport({ body });
const faulty = await api.createAirport({ body: { ...body, latitude: 91, name: "" } });
const changed = await api.changeAirport({ path, body: { name: "New" } });
const read = await api.readAirport({ path });
const near = await api.nearest({ path, query: { count: 1 } });
const rows = `code,name,city,state,latitude,longitude\n${code},Again,Town,NY,1,2\n`;
const imported = await api.importAirports({ body: { file: new File([rows], "rows.csv") } });
const whole = await api.download();
const deleted = await api.deleteAirport({ path });
const missing = await api.readAirport({ path });

// What is wrong is seen before it is sent, and what is answered has its type.
export const wrong = () => [
  // @ts-expect-error: no such unit
  api.distance({ query: { a: "JFK", b: "LAX", unit: "parsec" } }),
  // @ts-expect-error: `b` is required
  api.distance({ query: { a: "JFK" } }),
  // @ts-expect-error: an airport has more than a name
  api.createAirport({ body: { name: "Field" } }),
  // @ts-expect-error: a number is no text
  found.data?.total.toUpperCase(),
  // @ts-expect-error: a text has no such method
  whole.data?.toFixed(),
];

console.log(
  JSON.stringify({
    found: [found.data?.total, found.data?.airports.length, found.data?.airports[0]?.state],
    hawaii: states.data?.HI,
    distance: [away.data?.distance, away.data?.unit],
    refused: refused.error?.code,
    created: [created.response?.status, created.data?.name],
    taken: taken.error?.code,
    faulty: faulty.error?.errors?.map((each) => each.pointer),
    changed: changed.data?.name,
    read: [read.data?.name, read.data?.latitude],
    near: near.data?.length,
    imported: [imported.data?.added, imported.data?.replaced],
    csv: whole.data?.split("\n")[0]?.trim(),
    deleted: deleted.response?.status,
    missing: missing.error?.code,
  }),
);
