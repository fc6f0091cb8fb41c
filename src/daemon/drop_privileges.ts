import type { Config } from "../config/schema.ts";
import { ConfigError, SentinelError } from "../core/errors.ts";
import { type OwnCommand, runPhase } from "./detach.ts";
import {
  type CreatedDirectories,
  createUserDirectories,
  isWritableOnlyByRoot,
} from "./runtime_dirs.ts";
import { buildUserEnvironment, planPrivileges, type PrivilegePlan } from "./privileges.ts";
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
  /** The owner of a folder; `undefined` if it does not exist. */
  readonly ownerOf: (folder: string) => Promise<number | undefined>;
  /** The command that starts this program, with all its arguments. */
  readonly command: () => OwnCommand | undefined;
  /** The environment to start it with. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Becomes the configured user: drops root's privileges and executes the same program with the same arguments. The new
 * image comes here again, finds that no privileges are left to drop, and continues. Only the privileges of the process
 * and its threads tell the two apart, so no flag can be forged.
 *
 * This comes first in a start, so that root opens no file, takes no lock and handles no signal.
 *
 * @returns if nothing is configured or the privileges are as configured.
 * @throws {StartUpError} otherwise.
 */
export async function dropPrivileges(request: DropRequest, deps: DropDependencies): Promise<void> {
  const { config } = request;
  const { platform, pid } = deps;
  // that the system has no privileges to drop is reported before mistakes in their configuration
  const control = await runPhase("privileges", () => requireControl(platform, config));
  const plan = await runPhase("privileges", () => readPlan(config, deps));
  if (plan === undefined) return;
  if (!control.isRoot()) {
    return await runPhase("privileges", () => requireRights(plan, control));
  }
  const image = await runPhase("privileges", async () => {
    const command = deps.command();
    if (command === undefined) {
      throw createUnsupportedError("cannot find the command that started sentinel");
    }
    const image = {
      ...command,
      env: await buildEnvironment(plan, { ...deps, kept: config.process.keep_env }),
    };
    control.check(plan.rights, image);
    await requireOwnRootFolder(plan.rights);
    return image;
  });
  // only root may raise limits
  await runPhase("process", () => limitDaemon(config, { platform, pid }));
  const directories = await runPhase(
    "environment",
    () => createDirectories(request, plan, image.env),
  );
  try {
    await runPhase("privileges", () => control.become(plan.rights, image));
  } catch (error) {
    await directories.remove();
    throw error;
  }
  // reached only if the program was not executed
  await runPhase("privileges", () => requireRights(plan, control));
}

function readPlan(
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

async function requireControl(
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
  throw createUnsupportedError(`${key} is not supported on this system`);
}

function createUnsupportedError(why: string): ConfigError {
  return new ConfigError("config.privileges", why);
}

function requireRights({ user, rights }: PrivilegePlan, control: PrivilegeControl): void {
  const found = control.listDifferences(rights);
  if (found.length === 0) return;
  if (Deno.uid() !== user.userId) {
    throw new SentinelError(
      "permission.privileges",
      `not permitted to become user ${user.name}: start as root`,
    );
  }
  const [first, ...others] = found;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  throw new SentinelError(
    "permission.privileges",
    `privileges are not as configured: ${first}${more}`,
  );
}

/** A user who can change files in the chroot can choose what runs with the remaining capabilities. */
async function requireOwnRootFolder({ rootFolder }: ProcessRights): Promise<void> {
  if (rootFolder === undefined || await isWritableOnlyByRoot(rootFolder)) return;
  throw new SentinelError(
    "config.chroot",
    `chroot directory cannot be used: ${rootFolder} (users other than root can change it)`,
  );
}

/** Followed by a user id: `XDG_STATE_HOME` of a user without a home directory, for the state replica. */
const USER_STATE_PREFIX = "/var/lib/sentinel-";

/** Keeps XDG directories only if they belong to the user, as their specification demands. */
async function buildEnvironment(
  { user, rights: { rootFolder = "", userId } }: PrivilegePlan,
  { variables, ownerOf, kept }: DropDependencies & { readonly kept: readonly string[] },
): Promise<Record<string, string>> {
  const { XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: state, ...others } = buildUserEnvironment(
    user,
    { variables, kept },
  );
  const isOwned = async (folder: string) =>
    folder.startsWith(`${rootFolder}/`) && await ownerOf(folder) === userId;
  const result: Record<string, string> = others;
  if (runtime !== undefined && await isOwned(runtime)) result["XDG_RUNTIME_DIR"] = runtime;
  if (state !== undefined && await isOwned(state)) result["XDG_STATE_HOME"] = state;
  else if (!await isOwned(`${rootFolder}${user.home}`)) {
    result["XDG_STATE_HOME"] = `${rootFolder}${USER_STATE_PREFIX}${userId}`;
  }
  return result;
}

function createDirectories(
  { config: { license, server, logging }, pidFile }: DropRequest,
  { rights: { userId, groupId } }: PrivilegePlan,
  { XDG_STATE_HOME: stateHome }: Readonly<Record<string, string>>,
): Promise<CreatedDirectories> {
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
