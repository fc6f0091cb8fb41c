import {
  askTool,
  type CredentialStore,
  type CredentialStoreDependencies,
  type FoundSecret,
  type ToolResult,
} from "../secret_tool.ts";

/** Program of libsecret; secret-tool(1). */
const TOOL = "secret-tool";

/** Variables that the program needs; `LD_PRELOAD` and the like are not passed. */
const VARIABLES = ["PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] as const;

/**
 * Opens freedesktop.org's Secret Service through `secret-tool`, which must be installed. Secrets pass through standard input
 * and output, never through arguments.
 */
export function openSecretService(deps: CredentialStoreDependencies): CredentialStore {
  const ask = (args: readonly string[], input?: string) =>
    askTool(TOOL, { ...deps, args, input, variables: VARIABLES });
  return {
    kind: "secret-service",
    async find(id) {
      // `search`, unlike `lookup`, does not prompt for a password to unlock the keyring
      const answer = await ask(["search", ...makeAttributes(id)]);
      return typeof answer === "string" ? { kind: "closed", why: answer } : readFound(answer);
    },
    async keep(id, secret) {
      const args = ["store", "--label=Sentinel: key of this machine", ...makeAttributes(id)];
      const answer = await ask(args, secret);
      if (typeof answer === "string") return answer;
      return answer.code === 0 ? undefined : getFirstLine(answer);
    },
  };
}

function makeAttributes(id: string): string[] {
  return ["application", "sentinel-drm", "keystore", id];
}

/** An item is a block that starts with its path; it has no `secret` if its keyring is locked. */
function readFound(answer: ToolResult): FoundSecret {
  if (answer.code !== 0) return { kind: "closed", why: getFirstLine(answer) };
  if (answer.out.trim() === "") return { kind: "absent" };
  const [, secret] = /^secret = (.*)$/m.exec(answer.out) ?? [];
  if (secret !== undefined) return { kind: "found", secret };
  const isItem = answer.out.startsWith("[");
  return { kind: "closed", why: isItem ? "the keyring is locked" : "the answer is malformed" };
}

function getFirstLine({ err }: ToolResult): string {
  const [line = ""] = err.trim().split("\n");
  return line.replace(/^secret-tool: /, "").slice(0, 200) || "it failed without a message";
}
