// @ts-types="./yaml_parse.d.ts"
export { parse } from "deno-std/yaml/parse.js";
