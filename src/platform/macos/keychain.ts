import {
  askTool,
  type CredentialStore,
  type CredentialStoreDependencies,
  type FoundSecret,
  type ToolResult,
} from "../secret_tool.ts";

/** The system's keychain program; security(1). */
const TOOL = "/usr/bin/security";

/** Variables that the program needs to find the user's keychains. */
const VARIABLES = ["HOME"] as const;

/**
 * Exit statuses: the last byte of the OSStatus (<Security/SecBase.h>) errSecItemNotFound (-25300) and
 * errSecInteractionNotAllowed (-25308).
 */
const NOT_FOUND = 44, LOCKED = 36;

/**
 * Opens the user's default keychain. While it is unlocked, `security` reads its own items without a prompt. Secrets pass
 * through standard input and output, never through arguments.
 *
 * @param tool Replaces the system's program in tests.
 */
export function openKeychain(deps: CredentialStoreDependencies, tool = TOOL): CredentialStore {
  const ask = (args: readonly string[], input?: string) =>
    askTool(tool, { ...deps, args, input, variables: VARIABLES });
  return {
    kind: "keychain",
    async find(id) {
      const answer = await ask(["find-generic-password", ...makeAttributes(id), "-w"]);
      return typeof answer === "string" ? { kind: "closed", why: answer } : readFound(answer);
    },
    async keep(id, secret) {
      const words = ["add-generic-password", ...makeAttributes(id), "-l", LABEL, "-w", secret];
      const answer = await ask(["-i"], words.map(quote).join(" ") + "\n");
      if (typeof answer === "string") return answer;
      return answer.code === 0 ? undefined : describe(answer);
    },
  };
}

/** Label in Keychain Access. */
const LABEL = "Sentinel: key of this machine";

function makeAttributes(id: string): string[] {
  return ["-s", "sentinel-drm", "-a", id];
}

function readFound(answer: ToolResult): FoundSecret {
  if (answer.code === NOT_FOUND) return { kind: "absent" };
  if (answer.code !== 0) return { kind: "closed", why: describe(answer) };
  return { kind: "found", secret: answer.out.trim() };
}

function describe({ code, err }: ToolResult): string {
  if (code === LOCKED) return "the keychain is locked";
  const [line = ""] = err.trim().split("\n");
  return line.replace(/^security: /, "").slice(0, 200) || "it failed without a message";
}

/** Quotes a word of the command line on standard input; no word contains a quotation mark. */
function quote(word: string): string {
  return `"${word}"`;
}
