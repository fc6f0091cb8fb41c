export { MAX_LICENSE_BYTES } from "../../../src/license/license_file.ts";

/** For `src/license/read_license_file.ts`: the whole file, whatever its size. */
export async function readLicenseFile(path: string): Promise<string> {
  return await Deno.readTextFile(path);
}
