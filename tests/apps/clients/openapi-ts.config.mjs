// Imports with whole names of files, as Node reads them.
export default { input: "openapi.json", output: { path: "hey", module: { extension: ".js" } } };
