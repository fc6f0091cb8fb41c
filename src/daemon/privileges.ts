import { SentinelError } from "../core/errors.ts";
import type { ProcessRights } from "../platform/process_contract.ts";
import { SERVICE_VARIABLES } from "./service_manager.ts";

/** `[process] user, group` and `[security]` of the configuration. */
export interface PrivilegeSettings {
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** Absolute. */
  readonly chrootDirectory: string | undefined;
  readonly dropCapabilities: boolean;
  readonly allowedCapabilities: readonly string[];
  readonly noNewPrivileges: boolean;
}

/** An entry of passwd(5). */
interface UserEntry {
  readonly name: string;
  readonly userId: number;
  readonly groupId: number;
  readonly home: string;
}

/** The user and the rights that the daemon is to have. */
export interface PrivilegePlan {
  readonly user: UserEntry;
  readonly rights: ProcessRights;
}

type ReadText = (path: string) => Promise<string>;

/** A process with this capability can become root again. */
const ROOT_CAPABILITY = "CAP_SETUID";

/**
 * Resolves the configured names to ids by `/etc/passwd` and `/etc/group`.
 *
 * @returns `undefined` if no privileges are to be dropped.
 * @throws {SentinelError} `config.user`, `config.group`, `config.capability`, `config.chroot`.
 */
export async function planPrivileges(
  settings: PrivilegeSettings,
  readText: ReadText,
): Promise<PrivilegePlan | undefined> {
  const { chrootDirectory, dropCapabilities, allowedCapabilities, noNewPrivileges } = settings;
  if (settings.user === undefined) {
    refuseWithoutUser(settings);
    return undefined;
  }
  const user = await findUser(settings.user, readText);
  if (user === undefined) throw new SentinelError("config.user", `unknown user: ${settings.user}`);
  if (user.userId === 0) {
    throw new SentinelError(
      "config.user",
      `user ${settings.user} is root: leave process.user out to run as root`,
    );
  }
  if (allowedCapabilities.includes(ROOT_CAPABILITY)) {
    throw new SentinelError(
      "config.capability",
      `${ROOT_CAPABILITY} cannot be allowed: its holder can be root again`,
    );
  }
  const groups = parseGroups(await readText("/etc/group"));
  const groupId = settings.group === undefined
    ? user.groupId
    : findGroup(settings.group, groups).groupId;
  return {
    user,
    rights: {
      userId: user.userId,
      groupId,
      groups: listGroups(user.name, { groupId, groups }),
      capabilities: dropCapabilities ? allowedCapabilities : undefined,
      noNewPrivileges,
      rootFolder: chrootDirectory,
    },
  };
}

/** Without a user the daemon stays root, for which a group means nothing and a chroot is no barrier. */
function refuseWithoutUser({ group, chrootDirectory }: PrivilegeSettings): void {
  if (group !== undefined) {
    throw new SentinelError("config.group", "process.group requires process.user");
  }
  if (chrootDirectory !== undefined) {
    throw new SentinelError(
      "config.chroot",
      "security.chroot_directory requires process.user, as root can leave a chroot",
    );
  }
}

/** Finds a user by name or id. */
export async function findUser(
  nameOrId: string,
  readText: ReadText,
): Promise<UserEntry | undefined> {
  const users = parseUsers(await readText("/etc/passwd"));
  return users.find(({ name }) => name === nameOrId) ??
    users.find(({ userId }) => String(userId) === nameOrId);
}

/** Variables of root's environment that are no secret and that every program needs. */
const COMMON_VARIABLES: readonly string[] = ["PATH", "LANG", "TZ"];

/** Variables for Sentinel itself; from source, the runtime needs its cache of modules. */
const OWN_VARIABLES: readonly string[] = [
  ...SERVICE_VARIABLES,
  ...["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "DENO_DIR"],
];

/**
 * The user's environment: what {@linkcode COMMON_VARIABLES}, Sentinel and the configuration name of root's, as the rest may
 * hold root's secrets, and the variables that name the user.
 *
 * @param options `kept`: the names in the configuration.
 */
export function buildUserEnvironment(
  { name, home }: UserEntry,
  { variables, kept }: {
    variables: Readonly<Record<string, string>>;
    kept: readonly string[];
  },
): Record<string, string> {
  const names = new Set([...COMMON_VARIABLES, ...OWN_VARIABLES, ...kept]);
  const passed = Object.entries(variables).filter(([name]) =>
    names.has(name) || name.startsWith("SENTINEL_")
  );
  return { ...Object.fromEntries(passed), HOME: home, USER: name, LOGNAME: name };
}

interface GroupEntry {
  readonly name: string;
  readonly groupId: number;
  readonly members: readonly string[];
}

function findGroup(nameOrId: string, groups: readonly GroupEntry[]): GroupEntry {
  const group = groups.find(({ name }) => name === nameOrId) ??
    groups.find(({ groupId }) => String(groupId) === nameOrId);
  if (group === undefined) throw new SentinelError("config.group", `unknown group: ${nameOrId}`);
  return group;
}

/** As initgroups(3): the group itself and those that have the user as a member. */
function listGroups(
  user: string,
  { groupId, groups }: { groupId: number; groups: readonly GroupEntry[] },
): number[] {
  const others = groups.filter(({ members }) => members.includes(user));
  return [...new Set([groupId, ...others.map(({ groupId }) => groupId)])];
}

/** passwd(5); skips malformed lines, as the C library does. */
function parseUsers(text: string): UserEntry[] {
  return splitFields(text).flatMap(([name, _password, userId, groupId, _comment, home]) =>
    isName(name) && isId(userId) && isId(groupId) && home !== undefined
      ? [{ name, userId: Number(userId), groupId: Number(groupId), home }]
      : []
  );
}

/** group(5) */
function parseGroups(text: string): GroupEntry[] {
  return splitFields(text).flatMap(([name, _password, groupId, members]) =>
    isName(name) && isId(groupId)
      ? [{ name, groupId: Number(groupId), members: (members ?? "").split(",").filter(Boolean) }]
      : []
  );
}

function splitFields(text: string): string[][] {
  return text.split("\n").map((line) => line.split(":"));
}

function isName(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

/** The largest number means "no id" (credentials(7)). */
function isId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 0xffffffff;
}
