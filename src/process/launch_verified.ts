import type { Platform } from "../platform/contract.ts";
import { requireUnchanged, type VerifiedFile } from "./checksum.ts";
import { launch, type LaunchedProcess, type LaunchOptions } from "./launch.ts";

/** What launching a verified file needs besides the file. */
export interface VerifiedLaunch {
  /** The file whose checksum was verified; `undefined` where the licence carries none, and nothing is compared. */
  readonly verified: VerifiedFile | undefined;
  readonly platform: Pick<Platform, "fileVersion" | "signalGroup">;
  /** Launches (default: {@linkcode launch}). */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
}

/**
 * Launches the very file that was verified: what is at the path is compared right before the launch and right after it.
 * A file that was put there in between is killed with its whole process group before this throws.
 *
 * The runtime opens the program by its path, so a gap stays open: between the launch and the second look a foreign file
 * runs for some milliseconds, and one that leaves its process group in that time outlives it; who renames a whole folder
 * above the file there and back in that time, or makes two changes within one tick of the kernel's clock around the check,
 * is not seen. What a script's interpreter, a library or a file that the software loads is, nobody checks.
 *
 * @throws {ChecksumError} `software.changed`; {LaunchError}.
 */
export async function launchVerified(
  options: LaunchOptions,
  { verified, platform, launch: start = launch }: VerifiedLaunch,
): Promise<LaunchedProcess> {
  if (verified === undefined) return await start(options);
  requireUnchanged(verified, platform);
  const child = await start(options);
  try {
    requireUnchanged(verified, platform);
    return child;
  } catch (error) {
    platform.signalGroup(child.pid, "SIGKILL");
    await child.exited;
    throw error;
  }
}
