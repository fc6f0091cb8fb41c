/** Whether this is Windows, or what does as it does. */
export const IS_WINDOWS = Deno.build.os === "windows";
