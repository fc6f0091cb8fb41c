// @ts-types="./toml_stringify.d.ts"
export { stringify } from "deno-std/toml/stringify.js";
