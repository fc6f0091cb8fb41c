import type { Config } from "../config/schema.ts";
import { ConfigError, SentinelError } from "../core/errors.ts";
import { inPhase, type OwnCommand } from "./detach.ts";
import {
  type CreatedUserDirectories,
  createUserDirectories,
  isRootsAlone,
} from "./runtime_dirs.ts";
import { environmentOf, planPrivileges, type PrivilegePlan } from "./privileges.ts";
import type { Platform } from "../platform/contract.ts";
import type { PrivilegeControl, ProcessRights } from "../platform/process_contract.ts";
import { limitDaemon } from "./settings.ts";

export interface DropRequest {
  readonly config: Config;
  /** Absolute. */
  readonly pidFile: string;
}

export interface DropDependencies {
  readonly platform: Platform;
  readonly pid: number;
  readonly readText: (path: string) => Promise<string>;
  /** The user that a folder belongs to; `undefined` where it is not there. */
  readonly ownerOf: (folder: string) => Promise<number | undefined>;
  /** Starts this very program, with all its arguments. */
  readonly command: () => OwnCommand | undefined;
  /** What it is to have as its environment. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Becomes the user that is configured: gives root's rights up and has the same program, with the same arguments, take our
 * place. That one comes here again, finds that there is nothing left to give up, and goes on. Which of the two we are is
 * told by what the process is, all its threads included, and by nothing else: no mark that could be forged.
 *
 * All of this is done before anything else of a start, so that root opens no file, takes no lock and handles no signal:
 * the daemon does, as the user it stays.
 *
 * @returns Where nothing is configured, or the process is as it is to be.
 * @throws {StartUpError} in every other case.
 */
export async function dropPrivileges(request: DropRequest, deps: DropDependencies): Promise<void> {
  const { config } = request;
  const { platform, pid } = deps;
  // what cannot be is said before what is wrong with it
  const control = await inPhase("privileges", () => controlOf(platform, config));
  const plan = await inPhase("privileges", () => planOf(config, deps));
  if (plan === undefined) return;
  if (!control.isRoot()) {
    return await inPhase("privileges", () => requireRights(plan, control));
  }
  const image = await inPhase("privileges", async () => {
    const command = deps.command();
    if (command === undefined) throw unsupported("how sentinel was started is not known");
    const image = { ...command, env: await environment(plan, deps) };
    control.check(plan.rights, image);
    await requireOwnRootFolder(plan.rights);
    return image;
  });
  // root may raise them, the user may not
  await inPhase("process", () => limitDaemon(config, { platform, pid }));
  const places = await inPhase("environment", () => makePlaces(request, plan, image.env));
  try {
    await inPhase("privileges", () => control.become(plan.rights, image));
  } catch (error) {
    await places.remove();
    throw error;
  }
  // reached only where the program did not take our place
  await inPhase("privileges", () => requireRights(plan, control));
}

function planOf(
  { process, security }: Config,
  { readText }: DropDependencies,
): Promise<PrivilegePlan | undefined> {
  return planPrivileges({
    user: process.user,
    group: process.group,
    chrootDirectory: security.chroot_directory,
    dropCapabilities: security.drop_capabilities,
    allowedCapabilities: security.allowed_capabilities,
    noNewPrivileges: security.no_new_privileges,
  }, readText);
}

async function controlOf(
  platform: Platform,
  { process, security }: Config,
): Promise<PrivilegeControl> {
  const control = await platform.privileges();
  if (control !== undefined) return control;
  const [key] = Object.entries({
    "process.user": process.user,
    "process.group": process.group,
    "security.chroot_directory": security.chroot_directory,
  }).find(([, value]) => value !== undefined) ?? ["process.user"];
  throw unsupported(`${key} is not supported on this system`);
}

function unsupported(why: string): ConfigError {
  return new ConfigError("config.privileges", why);
}

function requireRights({ user, rights }: PrivilegePlan, control: PrivilegeControl): void {
  const found = control.differences(rights);
  if (found.length === 0) return;
  if (Deno.uid() !== user.userId) {
    throw new SentinelError(
      "permission.privileges",
      `no right to become user ${user.name}: start as root`,
    );
  }
  const [first, ...others] = found;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  throw new SentinelError(
    "permission.privileges",
    `privileges are not as configured: ${first}${more}`,
  );
}

/** Who could change what is in it could choose what is executed with the capabilities that are left. */
async function requireOwnRootFolder({ rootFolder }: ProcessRights): Promise<void> {
  if (rootFolder === undefined || await isRootsAlone(rootFolder)) return;
  throw new SentinelError(
    "config.chroot",
    `chroot directory cannot be used: ${rootFolder} (others than root can change it)`,
  );
}

/** Where a user whose home is none has the witness of his state: a folder of his own, his id behind this. */
const USERS_STATE = "/var/lib/sentinel-";

/** A login session's folder is its user's, or means nothing (XDG base directory specification). */
async function environment(
  { user, rights: { rootFolder = "", userId } }: PrivilegePlan,
  { variables, ownerOf }: DropDependencies,
): Promise<Record<string, string>> {
  const { XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: state, ...others } = environmentOf(
    user,
    variables,
  );
  const isHis = async (folder: string) =>
    folder.startsWith(`${rootFolder}/`) && await ownerOf(folder) === userId;
  const result: Record<string, string> = others;
  if (runtime !== undefined && await isHis(runtime)) result["XDG_RUNTIME_DIR"] = runtime;
  if (state !== undefined && await isHis(state)) result["XDG_STATE_HOME"] = state;
  else if (!await isHis(`${rootFolder}${user.home}`)) {
    result["XDG_STATE_HOME"] = `${rootFolder}${USERS_STATE}${userId}`;
  }
  return result;
}

function makePlaces(
  { config: { license, server, logging }, pidFile }: DropRequest,
  { rights: { userId, groupId } }: PrivilegePlan,
  { XDG_STATE_HOME: stateHome }: Readonly<Record<string, string>>,
): Promise<CreatedUserDirectories> {
  const log = logging.file === undefined ? [] : [{ path: logging.file, mode: 0o640 }];
  return createUserDirectories({
    folders: [license.state_dir, server.data_dir, stateHome].filter((folder) =>
      folder !== undefined
    ),
    files: [{ path: pidFile, mode: 0o644 }, ...log],
    userId,
    groupId,
  });
}
