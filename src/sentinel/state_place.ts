import type { Platform } from "../platform/contract.ts";
import { ConfigError } from "./config_error.ts";

/**
 * The folder for state and keys.
 *
 * @param stateDir The one that is given, where one is.
 * @throws {ConfigError} where none is given and no home is known.
 */
export function stateFolder(
  stateDir: string | undefined,
  { platform, readVariable }: {
    platform: Pick<Platform, "defaultStateFolder">;
    readVariable: (name: string) => string | undefined;
  },
): string {
  const folder = stateDir ?? platform.defaultStateFolder(readVariable);
  if (folder !== undefined) return folder;
  throw new ConfigError("config.state_dir", "no home directory is known: give --state-dir");
}
