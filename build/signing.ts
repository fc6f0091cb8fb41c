import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../src/cli/usage_error.ts";
import { SentinelError } from "../src/core/errors.ts";

/** The programs cannot be signed (exit status 2). */
export class SigningError extends SentinelError {
  constructor(message: string) {
    super("config.signing", message);
  }
}

/** Parses the arguments of both scripts: `[--dry-run] FOLDER`. @throws {UsageError} */
export function parseSigningArguments(
  args: readonly string[],
): { folder: string; isDryRun: boolean } {
  const { "dry-run": isDryRun, _: [folder, ...more] } = parseArgs(args, {
    boolean: ["dry-run"],
    string: ["_"],
    unknown: (argument) => {
      if (argument.startsWith("-")) throw new UsageError(`unexpected argument: ${argument}`);
    },
  });
  if (folder === undefined || more.length > 0) {
    throw new UsageError("exactly one FOLDER is required");
  }
  return { folder: String(folder), isDryRun: isDryRun === true };
}

/** A command of a signing tool. Secrets go to its standard input: other users and the log see arguments. */
export interface SigningCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: SecretInput;
}

interface SecretInput {
  readonly text: string;
  /** Shown by a dry run instead of `text`. */
  readonly shown: string;
}

/** Runs or shows a command and resolves to its output. @throws {SigningError} if it fails. */
export type RunCommand = (command: SigningCommand) => Promise<string>;

type Print = (line: string) => void;

/** Prints commands instead of running them, for `--dry-run`. */
export function showCommands(print: Print): RunCommand {
  return ({ program, args, input }) => {
    const line = [program, ...args].map(quote).join(" ");
    print(input === undefined ? line : `${line} <<< ${quote(input.shown)}`);
    return Promise.resolve("");
  };
}

/** Runs commands without the secret variables in their environment, and prints their output. */
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

async function run(
  { program, args, env, input }: {
    program: string;
    args: readonly string[];
    env: Record<string, string>;
    input: string;
  },
): Promise<{ code: number; output: string }> {
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

/** Writes the input. A command that exits before it has read everything reports that with its status. */
async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    await new Blob([text]).stream().pipeTo(stdin);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/**
 * Reads a signing identity from the environment; `undefined` if no variable is set, since the repository then has none.
 *
 * @throws {SigningError} with the missing names if only some are set.
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

/** Decodes a base64 variable. @throws {SigningError} with the variable's name but not its value. */
export function decodeVariable(name: string, value: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(value);
  } catch {
    throw new SigningError(`${name} is not base64`);
  }
}

/** Lists the absolute paths of a directory's programs with this ending, sorted. @throws {SigningError} if none exists. */
export async function findPrograms(folder: string, ending: string): Promise<string[]> {
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

/** Quotes an argument for a POSIX shell. */
function quote(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
