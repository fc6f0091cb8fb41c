import type { Logger } from "./log.ts";
import { readConfigFile } from "./read_config_file.ts";

/** Permission bits of group and others. */
const OTHERS = 0o077;

/**
 * The text of a private key file. Warns where group or others may do anything with it.
 *
 * @param naming As for `readConfigFile()`.
 * @throws {SentinelError} in one line, with the path.
 */
export async function readKeyFile(
  path: string,
  { log, ...naming }: { what: string; code: string; log: Logger },
): Promise<string> {
  const { text, mode } = await readConfigFile(path, naming);
  if (mode !== null && (mode & OTHERS) !== 0) {
    const bits = (mode & 0o777).toString(8).padStart(4, "0");
    log.warn(`${naming.what} can be read by others: ${path} has mode ${bits} (chmod 600 it)`);
  }
  return text;
}
