import {
  askTool,
  type CredentialStore,
  type CredentialStoreDependencies,
  type FoundSecret,
  type ToolAnswer,
} from "../secret_tool.ts";

/** libsecret's own program: secret-tool(1). */
const TOOL = "secret-tool";

/** What the program needs of our environment; `LD_PRELOAD` and its like are not handed on. */
const VARIABLES = ["PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] as const;

/**
 * The Secret Service (freedesktop.org's Secret Service API), asked through `secret-tool`, which must be installed. Secrets go
 * over its standard input and output, never over its arguments.
 */
export function secretService(deps: CredentialStoreDependencies): CredentialStore {
  const ask = (args: readonly string[], input?: string) =>
    askTool(TOOL, { ...deps, args, input, variables: VARIABLES });
  return {
    kind: "secret-service",
    async find(id) {
      // `search`, unlike `lookup`, does not have the keyring unlocked, which would ask somebody for a password
      const answer = await ask(["search", ...attributes(id)]);
      return typeof answer === "string" ? { kind: "closed", why: answer } : readFound(answer);
    },
    async keep(id, secret) {
      const args = ["store", "--label=Sentinel: key of this machine", ...attributes(id)];
      const answer = await ask(args, secret);
      if (typeof answer === "string") return answer;
      return answer.code === 0 ? undefined : firstLine(answer);
    },
  };
}

function attributes(id: string): string[] {
  return ["application", "sentinel-drm", "keystore", id];
}

/** An item is a block that starts with its path; it has no `secret` where its keyring is locked. */
function readFound(answer: ToolAnswer): FoundSecret {
  if (answer.code !== 0) return { kind: "closed", why: firstLine(answer) };
  if (answer.out.trim() === "") return { kind: "absent" };
  const [, secret] = /^secret = (.*)$/m.exec(answer.out) ?? [];
  if (secret !== undefined) return { kind: "found", secret };
  const isItem = answer.out.startsWith("[");
  return { kind: "closed", why: isItem ? "the keyring is locked" : "the answer is not understood" };
}

function firstLine({ err }: ToolAnswer): string {
  const [line = ""] = err.trim().split("\n");
  return line.replace(/^secret-tool: /, "").slice(0, 200) || "it failed without a word";
}
