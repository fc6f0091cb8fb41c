// Needs no look at the system, which makes the runtime load all of Node's globals (20 ms at every start).
// @ts-types="./posix_path.d.ts"
export { dirname } from "deno-std/path/posix/dirname.js";
export { resolve } from "deno-std/path/posix/resolve.js";
