import { nameOf } from "../core/paths.ts";
import type { Platform } from "../platform/contract.ts";

/** What is known of a daemon from its configuration. */
export interface DaemonPlaceOptions {
  readonly platform: Pick<Platform, "runtimeFolder" | "userId">;
  readonly readVariable: (name: string) => string | undefined;
  /** Where state is kept, should there be no folder for what runs. */
  readonly stateFolder: () => string;
}

/** Whose daemons root starts, and with which root folder. */
export interface OtherUser {
  readonly userId: number;
  readonly rootFolder: string | undefined;
  /** Whether the login session's folder is this user's. */
  readonly hasRuntimeFolder: boolean;
}

/** Where the system's own daemons have a folder each, by their software's name. */
export const SYSTEM_FOLDER = "/run/sentinel";

/** Where those that root starts as another user have theirs: a folder of each user's own, its id behind this. */
export const USERS_FOLDERS = "/run/sentinel-";

/**
 * The PID file of the daemon of a software: it bears its name, so that several can run side by side.
 *
 * @param otherUser Whom it runs as, where root starts it as somebody else.
 */
export function defaultPidFile(
  softwarePath: string,
  { platform, readVariable, stateFolder, otherUser }: DaemonPlaceOptions & {
    readonly otherUser?: OtherUser | undefined;
  },
): string {
  const name = nameOf(softwarePath);
  if (otherUser !== undefined && !otherUser.hasRuntimeFolder) {
    const { rootFolder = "", userId } = otherUser;
    return `${rootFolder}${USERS_FOLDERS}${userId}/${name}.pid`;
  }
  const systemFolder = platform.userId() === "0" ? `${SYSTEM_FOLDER}/${name}` : undefined;
  const runtimeFolder = platform.runtimeFolder(readVariable) ?? systemFolder;
  const folder = runtimeFolder === undefined ? stateFolder() : `${runtimeFolder}/sentinel`;
  return `${folder}/${name}.pid`;
}
