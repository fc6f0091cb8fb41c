// @ts-types="./path.d.ts"
export { basename } from "deno-std/path/basename.js";
export { dirname } from "deno-std/path/dirname.js";
export { fromFileUrl } from "deno-std/path/from_file_url.js";
export { isAbsolute } from "deno-std/path/is_absolute.js";
export { join } from "deno-std/path/join.js";
export { relative } from "deno-std/path/relative.js";
export { resolve } from "deno-std/path/resolve.js";
export { toFileUrl } from "deno-std/path/to_file_url.js";
