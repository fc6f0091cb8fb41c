import { describeError, SentinelError } from "../core/errors.ts";
import { dirname, resolve } from "../core/paths.ts";
import { parse } from "@std/toml/parse";
import { decodeUtf8 } from "../core/strict_json.ts";
import { checkConfig } from "./check.ts";
import type { Config } from "./schema.ts";
import { isTable } from "./values.ts";

/** What else is known of a fault in the configuration file. */
interface ConfigFileFault {
  /** A line for each mistake. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** The configuration file cannot be read, or has mistakes: all of them, one below the other (exit status 2). */
export class ConfigFileError extends SentinelError {
  override readonly details: readonly string[];

  constructor(message: string, { details = [], cause }: ConfigFileFault) {
    super("config.file", message, { cause });
    this.details = details;
  }
}

/** Strings of all four kinds, comments, brackets, line ends, and whatever else there is; TOML 1.0. */
const TOKEN =
  /"""[^]*?(?:"{3,5}|$)|'''[^]*?(?:'{3,5}|$)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|#[^\n]*|[[\]{}\n]|[^"'#[\]{}\n]+/y;

/** A key: bare or quoted parts between dots. */
const KEY = /^(?:[\w-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')(?:\s*\.\s*(?:[\w-]+|"[^"\n]*"|'[^'\n]*'))*/;

/**
 * Tables and keys that a TOML text sets a second time, each with its line: the parser takes the last one silently, or
 * stops with a message that does not name it.
 */
export function findRepeatedKeys(toml: string): { line: number; key: string }[] {
  const seen = new Set<string>();
  const repeated: { line: number; key: string }[] = [];
  let table = "";
  for (const { line, text } of statements(toml)) {
    if (text.startsWith("[[")) {
      table = `[[${line}]]`;
      continue;
    }
    const header = /^\[\s*([^[\]]+?)\s*\]/.exec(text)?.[1];
    const name = header ?? KEY.exec(text)?.[0];
    if (name === undefined) continue;
    if (header !== undefined) table = bare(header);
    const key = header === undefined ? `${table}.${bare(name)}`.replace(/^\./, "") : `[${table}]`;
    if (seen.has(key)) repeated.push({ line, key });
    seen.add(key);
  }
  return repeated;
}

function bare(key: string): string {
  return key.split(".").map((part) => part.trim().replaceAll(/^["']|["']$/g, "")).join(".");
}

/** The text's statements: a header, or a key with its value, which may go over several lines. */
function* statements(toml: string): Generator<{ line: number; text: string }> {
  let line = 1, startLine = 1, depth = 0, text = "";
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(toml); match !== null; match = TOKEN.exec(toml)) {
    const [token] = match;
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (token === "\n" && depth <= 0) {
      yield { line: startLine, text };
      text = "";
      depth = 0;
    } else if (!token.startsWith("#")) text = (text + token).trimStart();
    line += token.split("\n").length - 1;
    if (text === "") startLine = line;
  }
  yield { line: startLine, text };
}

/** Longer than a configuration has reason to be; the parser's time grows with the square of it. */
const MAX_BYTES = 64 * 1024;

/** A configuration file that was read. */
export interface LoadedConfig {
  /** As it was named. */
  readonly path: string;
  readonly config: Config;
  /** What the file itself sets: tables, and keys as `table.key`. */
  readonly given: ReadonlySet<string>;
}

/**
 * Reads a configuration file.
 *
 * @throws {ConfigFileError} Why it cannot be read, or every mistake in it.
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  return parseConfig(await readText(path), path);
}

/**
 * The configuration that a text says.
 *
 * @param path The file's: named in messages, its folder is what relative paths begin at.
 * @throws {ConfigFileError} Every mistake in it.
 */
export function parseConfig(text: string, path: string): LoadedConfig {
  const repeated = findRepeatedKeys(text).map(({ line, key }) =>
    `${path}:${line}: ${key} is set a second time`
  );
  const document = parseToml(text, { path, repeated });
  const folder = dirname(resolve(path));
  const result = checkConfig(document, (file) => resolve(file, folder));
  const mistakes = "config" in result ? [] : result.mistakes.map((line) => `${path}: ${line}`);
  if ("config" in result && repeated.length === 0) {
    return { path, config: result.config, given: givenKeys(document) };
  }
  throw mistakesIn(path, [...repeated, ...mistakes]);
}

function mistakesIn(path: string, lines: readonly string[]): ConfigFileError {
  return new ConfigFileError(
    `${lines.length} ${lines.length === 1 ? "mistake" : "mistakes"} in ${path}`,
    { details: lines },
  );
}

/**
 * Where something is set twice, the parser's own error is a consequence of that. The line that the parser repeats is left
 * out, as it may hold a secret.
 */
function parseToml(
  text: string,
  { path, repeated }: { path: string; repeated: readonly string[] },
): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (repeated.length > 0) throw mistakesIn(path, repeated);
    const message = describeError(error).replace(/ on line '.*$/, "");
    const [, line = "1", column = "0", why = message] =
      /.*line (\d+), column (\d+): (.*)$/.exec(message) ?? [];
    throw mistakesIn(path, [`${path}:${line}:${Number(column) + 1}: not TOML: ${why}`]);
  }
}

function givenKeys(document: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const keys = Object.entries(document).flatMap(([name, table]) =>
    isTable(table) ? [name, ...Object.keys(table).map((key) => `${name}.${key}`)] : [name]
  );
  return new Set(keys);
}

async function readText(path: string): Promise<string> {
  const fault = (why: string, cause?: unknown) =>
    new ConfigFileError(`configuration file ${why}: ${path}`, { cause });
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    if (isDirectory) throw fault("is a folder");
    if (!isFile) throw fault("is no regular file");
    if (size > MAX_BYTES) throw fault(`is larger than ${MAX_BYTES} bytes`);
    const text = decodeUtf8(await Deno.readFile(path));
    if (text === undefined) throw fault("is not UTF-8 text");
    return text;
  } catch (error) {
    if (error instanceof ConfigFileError) throw error;
    if (error instanceof Deno.errors.NotFound) throw fault("not found", error);
    if (error instanceof Deno.errors.PermissionDenied) throw fault("cannot be read", error);
    throw fault(`cannot be read (${describeError(error)})`, error);
  }
}
