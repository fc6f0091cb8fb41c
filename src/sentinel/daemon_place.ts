import type { Platform } from "../platform/contract.ts";

/** What is known of a daemon from its configuration. */
export interface DaemonPlaceOptions {
  readonly platform: Pick<Platform, "runtimeFolder" | "userId">;
  readonly readVariable: (name: string) => string | undefined;
  /** Where state is kept, should there be no folder for what runs. */
  readonly stateFolder: () => string;
}

/** Where daemons of this user have their PID files, save those that name another place. */
export function pidFolder(
  { platform, readVariable, stateFolder }: DaemonPlaceOptions,
): string {
  const systemFolder = platform.userId() === "0" ? "/run" : undefined;
  const runtimeFolder = platform.runtimeFolder(readVariable) ?? systemFolder;
  return runtimeFolder === undefined ? stateFolder() : `${runtimeFolder}/sentinel`;
}

/** The PID file of the daemon of a software: it bears its name, so that several can run side by side. */
export function defaultPidFile(softwarePath: string, options: DaemonPlaceOptions): string {
  const name = softwarePath.slice(softwarePath.lastIndexOf("/") + 1);
  return `${pidFolder(options)}/${name}.pid`;
}
