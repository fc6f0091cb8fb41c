// @ts-types="./uuid_v4.d.ts"
export { validate } from "deno-std/uuid/v4.js";
