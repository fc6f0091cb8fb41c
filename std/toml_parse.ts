// @ts-types="./toml_parse.d.ts"
export * from "deno-std/toml/parse.js";
