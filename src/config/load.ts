import { SentinelError } from "../core/errors.ts";
import { readConfigFile } from "../core/files.ts";
import { dirname, resolve } from "../core/paths.ts";
import { checkConfig } from "./check.ts";
import type { Config } from "./schema.ts";
import { isTable } from "./values.ts";
import { parse, TomlError } from "smol-toml";

/** Details of a {@linkcode ConfigFileError}. */
interface ConfigFileFault {
  /** A line for each mistake. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** The configuration file cannot be read, or has mistakes, each a line of `details` (exit status 2). */
export class ConfigFileError extends SentinelError {
  override readonly details: readonly string[];

  constructor(message: string, { details = [], cause }: ConfigFileFault) {
    super("config.file", message, { cause });
    this.details = details;
  }
}

/** Largest accepted file. */
const MAX_BYTES = 64 * 1024;

/** A configuration with its origin. */
export interface LoadedConfig {
  /** Path as given by the user. */
  readonly path: string;
  readonly config: Config;
  /** Tables, and keys as `table.key`, that the file sets itself. */
  readonly given: ReadonlySet<string>;
}

/**
 * Reads a configuration file.
 *
 * @throws {ConfigFileError} if it cannot be read, or with every mistake in it.
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  return parseConfig(await readText(path), path);
}

/**
 * Parses the text of a configuration file.
 *
 * @param path Shown in messages; relative paths resolve against its directory.
 * @throws {ConfigFileError} with every mistake in it.
 */
export function parseConfig(text: string, path: string): LoadedConfig {
  const { document, repeated } = parseToml(text, path);
  const folder = dirname(resolve(path));
  const result = checkConfig(document, (file) => resolve(file, folder));
  const mistakes = "config" in result ? [] : result.mistakes.map((line) => `${path}: ${line}`);
  if ("config" in result && repeated.length === 0) {
    return { path, config: result.config, given: listGivenKeys(document) };
  }
  throw createMistakesError(path, [...repeated, ...mistakes]);
}

function createMistakesError(path: string, lines: readonly string[]): ConfigFileError {
  return new ConfigFileError(
    `${lines.length} ${lines.length === 1 ? "mistake" : "mistakes"} in ${path}`,
    { details: lines },
  );
}

/** Maximum number of repeated keys to report; each costs a pass over the text. */
const MAX_REPEATED = 20;

/** Returns the document, in which the last of several values counts, and a line for each repeated key. */
function parseToml(
  text: string,
  path: string,
): { document: Record<string, unknown>; repeated: readonly string[] } {
  for (let count = 0;; count++) {
    try {
      const document = parse(text, { integersAsBigInt: "asNeeded" });
      const repeated = [...takeRepeated(document)].sort((one, other) => one.line - other.line);
      return {
        document,
        repeated: repeated.map(({ line, key }) => `${path}:${line}: ${key} is set a second time`),
      };
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      // the other lines of the message quote the file, which may hold a secret
      const why = error.message.split("\n", 1)[0]!.replace("Invalid TOML document: ", "");
      if (!why.startsWith("trying to redefine") || count === MAX_REPEATED) {
        throw createMistakesError(path, [
          `${path}:${error.line}:${error.column}: not TOML: ${why}`,
        ]);
      }
      text = markRepeated(text, error);
    }
  }
}

/** Moves a repeated key into its own table, named after its position, so that the parser continues. */
function markRepeated(text: string, { line, column }: { line: number; column: number }): string {
  const lines = text.split("\n");
  const before = lines[line - 1]!.slice(0, column - 1), rest = lines[line - 1]!.slice(column - 1);
  const key = /^[^=\]]*/.exec(rest)![0].replaceAll(/["'\s]/g, "");
  const name = /^\s*\[+$/.test(before) ? `[${key}]` : key;
  lines[line - 1] = `${before}${JSON.stringify(`again ${line} ${column} ${name}`)}.${rest}`;
  return lines.join("\n");
}

/** Undoes {@linkcode markRepeated} and yields each repeated key. */
function* takeRepeated(
  table: Record<string, unknown>,
  parents = "",
): Generator<{ line: number; key: string }> {
  for (const [name, value] of Object.entries(table)) {
    if (!isTable(value)) continue;
    const [, line, key] = /^again (\d+) \d+ (.*)$/.exec(name) ?? [];
    if (key === undefined) yield* takeRepeated(value, `${parents}${name}.`);
    else {
      delete table[name];
      yield { line: Number(line), key: key.startsWith("[") ? key : parents + key };
      yield* takeRepeated(Object.assign(table, value), parents);
      return;
    }
  }
}

function listGivenKeys(document: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const keys = Object.entries(document).flatMap(([name, table]) =>
    isTable(table) ? [name, ...Object.keys(table).map((key) => `${name}.${key}`)] : [name]
  );
  return new Set(keys);
}

async function readText(path: string): Promise<string> {
  try {
    const naming = { what: "configuration file", code: "config.file", maxBytes: MAX_BYTES };
    return (await readConfigFile(path, naming)).text;
  } catch (error) {
    const { message, cause } = error as SentinelError;
    throw new ConfigFileError(message, { cause });
  }
}
