import type { Platform } from "../platform/contract.ts";

/** What is known of a daemon from its configuration. */
export interface DaemonPlaceOptions {
  readonly platform: Pick<Platform, "runtimeFolder" | "userId">;
  readonly readVariable: (name: string) => string | undefined;
  /** Where state is kept, should there be no folder for what runs. */
  readonly stateFolder: () => string;
}

/** Where the system's own daemons have a folder each, by their software's name. */
export const SYSTEM_FOLDER = "/run/sentinel";

/** The PID file of the daemon of a software: it bears its name, so that several can run side by side. */
export function defaultPidFile(
  softwarePath: string,
  { platform, readVariable, stateFolder }: DaemonPlaceOptions,
): string {
  const name = softwarePath.slice(softwarePath.lastIndexOf("/") + 1);
  const systemFolder = platform.userId() === "0" ? `${SYSTEM_FOLDER}/${name}` : undefined;
  const runtimeFolder = platform.runtimeFolder(readVariable) ?? systemFolder;
  const folder = runtimeFolder === undefined ? stateFolder() : `${runtimeFolder}/sentinel`;
  return `${folder}/${name}.pid`;
}
