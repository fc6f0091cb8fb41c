import { type Env, exitOf, runToEnd } from "../core/process.ts";
import { describeError } from "../core/errors.ts";

/** What a safe says of a secret. */
export type FoundSecret =
  | { kind: "found"; secret: string }
  | { kind: "absent" }
  /** It answers, but does not open; or it does not answer. `why` is for people. */
  | { kind: "closed"; why: string };

/** The safes of systems, with what people call them. */
export const CREDENTIAL_STORE_NAMES = {
  "secret-service": "the Secret Service",
  "keychain": "the Keychain",
} as const;
export type CredentialStoreKind = keyof typeof CREDENTIAL_STORE_NAMES;

/** A safe that the system keeps for its user: what it holds is small, and outlives us. */
export interface CredentialStore {
  readonly kind: CredentialStoreKind;
  /** Never rejects, and never asks anybody to unlock the safe. */
  find(id: string): Promise<FoundSecret>;
  /**
   * Keeps a secret under an id.
   *
   * @returns Why it could not, for people; `undefined` where it did.
   */
  keep(id: string, secret: string): Promise<string | undefined>;
}

/** What a safe is opened with. */
export interface CredentialStoreDependencies {
  readonly env: Env;
  /** A signal that is aborted after so many milliseconds. */
  readonly timeout: (ms: number) => AbortSignal;
}

/** How long one answer may take: what waits for a person who is not there must not hold up a start. */
const ANSWER_TIMEOUT_MS = 5_000;

/** An answer is a few hundred bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** How a program ended, and what it wrote. */
export interface ToolAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface ToolQuestion extends CredentialStoreDependencies {
  readonly args: readonly string[];
  /** What it reads; the place for secrets. */
  readonly input: string | undefined;
  /** What of our environment it is given. */
  readonly variables: readonly string[];
}

/**
 * Asks a program once, by its path or its name on the PATH. An answer that does not come in time, is too long or cannot be had
 * is told in words.
 */
export async function askTool(
  tool: string,
  { args, input = "", variables, env, timeout }: ToolQuestion,
): Promise<ToolAnswer | string> {
  const passed = variables.flatMap((name) => {
    const value = env(name);
    return value === undefined ? [] : [[name, value]];
  });
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  try {
    const command = {
      args: [...args],
      clearEnv: true,
      env: Object.fromEntries(passed),
      ...streams,
    };
    return await exchange(new Deno.Command(tool, command).spawn(), {
      input,
      deadline: timeout(ANSWER_TIMEOUT_MS),
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${tool} is not installed`;
    return describeError(error);
  }
}

async function exchange(
  child: Deno.ChildProcess,
  { input, deadline }: { input: string; deadline: AbortSignal },
): Promise<ToolAnswer | string> {
  const onLate = () => {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
  };
  deadline.addEventListener("abort", onLate);
  try {
    const [out, err, { code }] = await Promise.all([
      readText(child.stdout, deadline),
      readText(child.stderr, deadline),
      exitOf(child),
      feed(child.stdin, input),
    ]);
    if (deadline.aborted) return `no answer within ${ANSWER_TIMEOUT_MS / 1000} seconds`;
    return { code, out, err };
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

/** Runs a program of the system's; what it writes, or `undefined` where it cannot be run or fails. */
export type RunSystemTool = (path: string, args: readonly string[]) => Promise<string | undefined>;

/** Runs it without input; what it writes to standard error is dropped. */
export async function runSystemTool(
  path: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const { code, stdout } = await runToEnd(path, { args, stderr: "null" });
    return code === 0 ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}
