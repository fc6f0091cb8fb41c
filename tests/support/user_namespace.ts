import { allOf, LINUX, needsProgram, type Requirement } from "./requirements.ts";

const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"];

/** Puts the file `$0` in place of the machine id, then runs a command. */
const COVER = 'mount --bind "$0" /etc/machine-id && exec "$@"';

/** A command that runs the command behind it as root of a user namespace, optionally with another machine id. */
export function inUserNamespace(machineIdFile?: string): string[] {
  return machineIdFile === undefined ? UNSHARE : [...UNSHARE, "sh", "-c", COVER, machineIdFile];
}

function canCover(): boolean {
  const [program, ...args] = [...inUserNamespace("/etc/machine-id"), "true"];
  const options = { args, stdin: "null", stdout: "null", stderr: "null" } as const;
  return new Deno.Command(program!, options).outputSync().success;
}

const TOOLS = allOf(LINUX, needsProgram("unshare"), needsProgram("mount"));

/** User namespaces for everybody, and a machine id to cover. */
export const USER_NAMESPACES: Requirement = TOOLS.met
  ? { need: "user namespaces, and an /etc/machine-id", met: canCover() }
  : TOOLS;
