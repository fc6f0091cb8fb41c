import {
  askTool,
  type CredentialStore,
  type CredentialStoreDependencies,
  type FoundSecret,
  type ToolAnswer,
} from "../secret_tool.ts";

/** The system's own program for keychains: security(1). */
const TOOL = "/usr/bin/security";

/** What it needs to find this user's keychains. */
const VARIABLES = ["HOME"] as const;

/**
 * What it ends with: the last byte of an OSStatus (<Security/SecBase.h>), of errSecItemNotFound (-25300) and
 * errSecInteractionNotAllowed (-25308).
 */
const NOT_FOUND = 44, LOCKED = 36;

/**
 * The user's default keychain. Items that `security` has made are given to it without a question while the keychain is
 * unlocked. Secrets go over its standard input and output, never over its arguments.
 *
 * @param tool Another program than the system's, for tests.
 */
export function keychain(deps: CredentialStoreDependencies, tool = TOOL): CredentialStore {
  const ask = (args: readonly string[], input?: string) =>
    askTool(tool, { ...deps, args, input, variables: VARIABLES });
  return {
    kind: "keychain",
    async find(id) {
      const answer = await ask(["find-generic-password", ...attributes(id), "-w"]);
      return typeof answer === "string" ? { kind: "closed", why: answer } : readFound(answer);
    },
    async keep(id, secret) {
      const words = ["add-generic-password", ...attributes(id), "-l", LABEL, "-w", secret];
      const answer = await ask(["-i"], words.map(quote).join(" ") + "\n");
      if (typeof answer === "string") return answer;
      return answer.code === 0 ? undefined : describe(answer);
    },
  };
}

/** What people see in Keychain Access. */
const LABEL = "Sentinel: key of this machine";

function attributes(id: string): string[] {
  return ["-s", "sentinel-drm", "-a", id];
}

function readFound(answer: ToolAnswer): FoundSecret {
  if (answer.code === NOT_FOUND) return { kind: "absent" };
  if (answer.code !== 0) return { kind: "closed", why: describe(answer) };
  return { kind: "found", secret: answer.out.trim() };
}

function describe({ code, err }: ToolAnswer): string {
  if (code === LOCKED) return "the keychain is locked";
  const [line = ""] = err.trim().split("\n");
  return line.replace(/^security: /, "").slice(0, 200) || "it failed without a word";
}

/** For the line that it reads: none of our words has a quotation mark in it. */
function quote(word: string): string {
  return `"${word}"`;
}
