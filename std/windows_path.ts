// Like the other kind of paths: without a look at the system.
// @ts-types="./posix_path.d.ts"
export { dirname } from "deno-std/path/windows/dirname.js";
export { resolve } from "deno-std/path/windows/resolve.js";
