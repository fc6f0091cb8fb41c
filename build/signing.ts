import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../src/cli/usage_error.ts";
import { SentinelError } from "../src/core/errors.ts";

/** The programs cannot be signed like this (exit status 2). */
export class SigningError extends SentinelError {
  constructor(message: string) {
    super("config.signing", message);
  }
}

/** What both scripts take: `[--dry-run] FOLDER`. @throws {UsageError} */
export function signingArguments(args: readonly string[]): { folder: string; isDryRun: boolean } {
  const { "dry-run": isDryRun, _: [folder, ...more] } = parseArgs(args, {
    boolean: ["dry-run"],
    string: ["_"],
    unknown: (argument) => {
      if (argument.startsWith("-")) throw new UsageError(`unexpected argument: ${argument}`);
    },
  });
  if (folder === undefined || more.length > 0) throw new UsageError("one FOLDER must be named");
  return { folder: String(folder), isDryRun: isDryRun === true };
}

/** A command of a signing tool. Secrets go to its standard input: arguments are shown to every user and in the log. */
export interface SigningCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: SecretInput;
}

export interface SecretInput {
  readonly text: string;
  /** What a dry run shows in its place. */
  readonly shown: string;
}

/** Runs a command, or shows it; what it printed. @throws {SigningError} if it fails. */
export type RunCommand = (command: SigningCommand) => Promise<string>;

/** Prints a line. */
export type Print = (line: string) => void;

/** What `--dry-run` does in place of running commands. */
export function showCommands(print: Print): RunCommand {
  return ({ program, args, input }) => {
    const line = [program, ...args].map(quote).join(" ");
    print(input === undefined ? line : `${line} <<< ${quote(input.shown)}`);
    return Promise.resolve("");
  };
}

/** Runs commands without the variables that hold secrets, and prints what they print. */
export function runCommands(secrets: readonly string[], print: Print): RunCommand {
  const env = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !secrets.includes(name)),
  );
  return async ({ program, args, input }) => {
    print([program, ...args].map(quote).join(" "));
    const { code, output } = await run({ program, args, env, input: input?.text ?? "" });
    if (output !== "") print(output);
    if (code !== 0) throw new SigningError(`${program} ${args[0]} failed with status ${code}`);
    return output;
  };
}

interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  readonly input: string;
}

async function run({ program, args, env, input }: Run): Promise<{ code: number; output: string }> {
  await using child = spawn(program, { args: [...args], env });
  const text = new Response(child.stdout).text();
  const [output, { code }] = await Promise.all([text, child.status, feed(child.stdin, input)]);
  return { code, output: output.trimEnd() };
}

function spawn(program: string, options: Deno.CommandOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      ...options,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new SigningError(`${program} is not installed`);
    }
    throw error;
  }
}

/** A command that ends before it has read everything says why with its status. */
async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    await new Blob([text]).stream().pipeTo(stdin);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/**
 * The values of the variables that a signing identity consists of; `undefined` if none is set, because the repository has
 * no identity.
 *
 * @throws {SigningError} naming those that are missing if only some are set.
 */
export function readIdentity<Name extends string>(
  names: readonly Name[],
): Record<Name, string> | undefined {
  const values = names.map((name) => [name, Deno.env.get(name) ?? ""] as const);
  const missing = values.filter(([, value]) => value === "").map(([name]) => name);
  if (missing.length === names.length) return undefined;
  if (missing.length > 0) throw new SigningError(`missing: ${missing.join(", ")}`);
  return Object.fromEntries(values) as Record<Name, string>;
}

/** The bytes of a base64 variable. @throws {SigningError} that names the variable and not its value. */
export function decodeVariable(name: string, value: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(value);
  } catch {
    throw new SigningError(`${name} is not base64`);
  }
}

/** The absolute paths of a folder's programs with this ending, sorted. @throws {SigningError} if there are none. */
export async function programsIn(folder: string, ending: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) if (name.endsWith(ending)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (names.length === 0) throw new SigningError(`no programs *${ending} in ${folder}`);
  const path = await Deno.realPath(folder);
  return names.sort().map((name) => `${path}/${name}`);
}

/** An argument as a POSIX shell reads it. */
function quote(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
