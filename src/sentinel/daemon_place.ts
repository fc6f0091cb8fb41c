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

/** Where root keeps what of a user's daemons is to be found: one folder for each, which is the user's own. */
export const RUN_FOLDER = "/run", USER_FOLDER = "sentinel-";

/** Where daemons of this user have their PID files, save those that name another place. */
export function pidFolder(
  { platform, readVariable, stateFolder }: DaemonPlaceOptions,
): string {
  const systemFolder = platform.userId() === "0" ? "/run" : undefined;
  const runtimeFolder = platform.runtimeFolder(readVariable) ?? systemFolder;
  return runtimeFolder === undefined ? stateFolder() : `${runtimeFolder}/sentinel`;
}

/** Where root's daemons that run as another user have theirs. */
function pidFolderOf(
  { userId, rootFolder = "", hasRuntimeFolder }: OtherUser,
  options: DaemonPlaceOptions,
): string {
  return hasRuntimeFolder
    ? pidFolder(options)
    : `${rootFolder}${RUN_FOLDER}/${USER_FOLDER}${userId}`;
}

/**
 * The PID file of the daemon of a software: it bears its name, so that several can run side by side.
 *
 * @param otherUser Whom it runs as, where root starts it as somebody else.
 */
export function defaultPidFile(
  softwarePath: string,
  { otherUser, ...options }: DaemonPlaceOptions & { readonly otherUser?: OtherUser | undefined },
): string {
  const name = softwarePath.slice(softwarePath.lastIndexOf("/") + 1);
  const folder = otherUser === undefined ? pidFolder(options) : pidFolderOf(otherUser, options);
  return `${folder}/${name}.pid`;
}
