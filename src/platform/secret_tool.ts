import { type Env, runToEnd, waitForExit } from "../core/process.ts";
import { describeError } from "../core/errors.ts";

export type FoundSecret =
  | { kind: "found"; secret: string }
  | { kind: "absent" }
  /** The store is locked or does not respond; `why` is for people. */
  | { kind: "closed"; why: string };

/** Credential stores and their names for people. */
export const CREDENTIAL_STORE_NAMES = {
  "secret-service": "the Secret Service",
  "keychain": "the Keychain",
} as const;
export type CredentialStoreKind = keyof typeof CREDENTIAL_STORE_NAMES;

/** The system's persistent store for a user's small secrets. */
export interface CredentialStore {
  readonly kind: CredentialStoreKind;
  /** Never rejects, and never prompts the user. */
  find(id: string): Promise<FoundSecret>;
  /**
   * Stores a secret under an id.
   *
   * @returns The reason of a failure, for people; `undefined` on success.
   */
  keep(id: string, secret: string): Promise<string | undefined>;
}

export interface CredentialStoreDependencies {
  readonly env: Env;
  /** Returns a signal that is aborted after this time. */
  readonly timeout: (ms: number) => AbortSignal;
}

/** Limit for one answer, so that a prompt without a user does not block a start. */
const ANSWER_TIMEOUT_MS = 5_000;

/** A real answer has a few hundred bytes. */
const MAX_ANSWER_BYTES = 65_536;

export interface ToolResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface ToolRequest extends CredentialStoreDependencies {
  readonly args: readonly string[];
  /** Standard input, the only place for secrets. */
  readonly input: string | undefined;
  /** Names of the environment variables to pass. */
  readonly variables: readonly string[];
}

/** Runs a program by its path or name. Resolves with its output, or with the reason of a failure as text. */
export async function askTool(
  tool: string,
  { args, input = "", variables, env, timeout }: ToolRequest,
): Promise<ToolResult | string> {
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
): Promise<ToolResult | string> {
  const onLate = () => {
    try {
      child.kill("SIGKILL");
    } catch { /* already ended */ }
  };
  deadline.addEventListener("abort", onLate);
  try {
    const [out, err, { code }] = await Promise.all([
      readText(child.stdout, deadline),
      readText(child.stderr, deadline),
      waitForExit(child),
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
    // a tool that exits without reading reports why on its own
  }
}

/** Reads up to the limit and drops the rest. The deadline also ends a stream that another process inherited. */
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

/** Runs a system program; resolves with its standard output, or `undefined` if it fails. */
export type RunSystemTool = (path: string, args: readonly string[]) => Promise<string | undefined>;

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
