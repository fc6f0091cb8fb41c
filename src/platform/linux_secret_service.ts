import { describeError } from "../core/errors.ts";
import type { FoundSecret, SafeDependencies, SecretSafe } from "./secret_safe.ts";

/** libsecret's own program: secret-tool(1). */
const TOOL = "secret-tool";

/** How long one answer may take: what waits for a person who is not there must not hold up a start. */
export const SAFE_TIMEOUT_MS = 5_000;

/** An answer is a few hundred bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** What the program needs of our environment; `LD_PRELOAD` and its like are not handed on. */
const VARIABLES = ["PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] as const;

interface Answer {
  readonly succeeded: boolean;
  readonly out: string;
  readonly err: string;
}

/**
 * The Secret Service (freedesktop.org's Secret Service API), asked through `secret-tool`, which must be installed. Secrets go
 * over its standard input and output, never over its arguments.
 */
export function secretService(deps: SafeDependencies): SecretSafe {
  return {
    async find(id) {
      // `search`, unlike `lookup`, does not have the keyring unlocked, which would ask somebody for a password
      const answer = await ask(["search", ...attributes(id)], deps);
      return typeof answer === "string" ? { kind: "closed", why: answer } : readFound(answer);
    },
    async keep(id, secret) {
      const args = ["store", "--label=Sentinel: key of this machine", ...attributes(id)];
      const answer = await ask(args, { ...deps, input: secret });
      if (typeof answer === "string") return answer;
      return answer.succeeded ? undefined : firstLine(answer);
    },
  };
}

function attributes(id: string): string[] {
  return ["application", "sentinel-drm", "keystore", id];
}

/** An item is a block that starts with its path; it has no `secret` where its keyring is locked. */
function readFound(answer: Answer): FoundSecret {
  if (!answer.succeeded) return { kind: "closed", why: firstLine(answer) };
  if (answer.out.trim() === "") return { kind: "absent" };
  const [, secret] = /^secret = (.*)$/m.exec(answer.out) ?? [];
  if (secret !== undefined) return { kind: "found", secret };
  const isItem = answer.out.startsWith("[");
  return { kind: "closed", why: isItem ? "the keyring is locked" : "the answer is not understood" };
}

function firstLine({ err }: Answer): string {
  const [line = ""] = err.trim().split("\n");
  return line.replace(/^secret-tool: /, "").slice(0, 200) || "it failed without a word";
}

/** Asks once; an answer that does not come in time, is too long or cannot be had is told in words. */
async function ask(
  args: readonly string[],
  { readVariable, timeout, input = "" }: SafeDependencies & { input?: string },
): Promise<Answer | string> {
  const env = VARIABLES.flatMap((name) => {
    const value = readVariable(name);
    return value === undefined ? [] : [[name, value]];
  });
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  try {
    const command = { args: [...args], clearEnv: true, env: Object.fromEntries(env), ...streams };
    return await exchange(new Deno.Command(TOOL, command).spawn(), {
      input,
      deadline: timeout(SAFE_TIMEOUT_MS),
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${TOOL} is not installed`;
    return describeError(error);
  }
}

async function exchange(
  child: Deno.ChildProcess,
  { input, deadline }: { input: string; deadline: AbortSignal },
): Promise<Answer | string> {
  const onLate = () => {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
  };
  deadline.addEventListener("abort", onLate);
  try {
    const [out, err, { success }] = await Promise.all([
      readText(child.stdout, deadline),
      readText(child.stderr, deadline),
      child.status,
      feed(child.stdin, input),
    ]);
    if (deadline.aborted) return `no answer within ${SAFE_TIMEOUT_MS / 1000} seconds`;
    return { succeeded: success, out, err };
  } finally {
    deadline.removeEventListener("abort", onLate);
  }
}

async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch {
    // who ends without reading says why by itself
  }
}

/** What is behind the limit is dropped. A process that inherited the stream holds nobody up beyond the deadline. */
async function readText(
  stream: ReadableStream<Uint8Array>,
  deadline: AbortSignal,
): Promise<string> {
  const reader = stream.getReader();
  const onLate = () => void reader.cancel();
  deadline.addEventListener("abort", onLate);
  const utf8 = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    if (text.length < MAX_ANSWER_BYTES) text += utf8.decode(value, { stream: true });
  }
  deadline.removeEventListener("abort", onLate);
  return text.slice(0, MAX_ANSWER_BYTES);
}
