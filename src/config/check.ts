import * as v from "valibot";
import { type Config, createTables, type TableName } from "./schema.ts";
import { closestString } from "@std/text/closest-string";
import { isTable, type ResolvePath } from "./values.ts";

/** Checks across the values of one table. Each message begins with a key. */
const CONTRADICTIONS: {
  readonly [T in TableName]?: (table: Config[T]) => readonly string[];
} = {
  server: (server) =>
    (["certificate", "key", "certificate_authority"] as const)
      .filter((key) => server.enabled && server[key] === undefined)
      .map((key) => `server.${key} is required with server.enabled = true: it is not set`),
  security: ({ drop_capabilities, allowed_capabilities }) =>
    drop_capabilities || allowed_capabilities.length === 0 ? [] : [
      "security.allowed_capabilities is for security.drop_capabilities = true: current value is false",
    ],
};

/** A configuration, or a line for each mistake, without the file's name. */
export type CheckResult = { config: Config } | { mistakes: readonly string[] };

type Entries = Readonly<Record<string, v.GenericSchema>>;

/** Longest value shown in a message. */
const MAX_SHOWN_CHARACTERS = 80;

/** Checks a parsed `sentinel.toml` and fills in the defaults. */
export function checkConfig(document: unknown, resolvePath: ResolvePath): CheckResult {
  const tables: Readonly<Record<string, Entries>> = createTables(resolvePath);
  const given = isTable(document) ? document : {};
  const mistakes = findUnknownTables(given, tables);
  const config: Record<string, unknown> = {};
  for (const [name, entries] of Object.entries(tables)) {
    const table = Object.hasOwn(given, name) ? given[name] : {};
    if (!isTable(table)) {
      mistakes.push(`${name} must be a table: current value is ${show(table)}`);
      continue;
    }
    mistakes.push(...findUnknownKeys(name, table, tables));
    const { success, output, issues } = v.safeParse(v.object(entries), table, {
      abortPipeEarly: true,
    });
    if (!success) mistakes.push(...issues.map((issue) => describeIssue(name, issue)));
    else mistakes.push(...findContradictions(name as TableName, config[name] = output));
  }
  return mistakes.length === 0 ? { config: config as Config } : { mistakes };
}

function findContradictions(name: TableName, table: unknown): readonly string[] {
  const find = CONTRADICTIONS[name] as ((table: unknown) => readonly string[]) | undefined;
  return find?.(table) ?? [];
}

function findUnknownTables(
  given: Readonly<Record<string, unknown>>,
  tables: Readonly<Record<string, Entries>>,
): string[] {
  return Object.keys(given).filter((name) => !Object.hasOwn(tables, name)).map((name) => {
    if (!isTable(given[name])) return describeUnknownKey(name, given[name], tables);
    return `unknown table [${name}] (did you mean [${closestString(name, Object.keys(tables))}]?)`;
  });
}

function findUnknownKeys(
  name: string,
  table: Readonly<Record<string, unknown>>,
  tables: Readonly<Record<string, Entries>>,
): string[] {
  return Object.keys(table).filter((key) => !Object.hasOwn(tables[name]!, key))
    .map((key) => describeUnknownKey(`${name}.${key}`, table[key], tables));
}

/** Suggests a key of the same name in another table first, then the closest spelling. */
function describeUnknownKey(
  key: string,
  value: unknown,
  tables: Readonly<Record<string, Entries>>,
): string {
  const known = Object.entries(tables).flatMap(([name, entries]) =>
    Object.keys(entries).map((key) => `${name}.${key}`)
  );
  const last = key.slice(key.indexOf(".") + 1);
  const suggest = known.find((name) => name.endsWith(`.${last}`)) ?? closestString(key, known);
  return `unknown key ${key} (did you mean ${suggest}?): current value is ${show(value)}`;
}

function describeIssue(table: string, issue: v.BaseIssue<unknown>): string {
  let key = table;
  for (const { key: part } of issue.path ?? []) {
    key += typeof part === "number" ? `[${part}]` : `.${part}`;
  }
  const isSecret = key.startsWith("software.env.");
  return `${key} must be ${issue.message}: current value is ${
    isSecret ? `hidden (${describeKind(issue.input)})` : show(issue.input)
  }`;
}

function describeKind(value: unknown): string {
  return Array.isArray(value) ? "a list" : isTable(value) ? "a table" : `a ${typeof value}`;
}

function show(value: unknown): string {
  const text = typeof value === "number" || typeof value === "bigint"
    ? String(value)
    : JSON.stringify(value) ?? String(value);
  return text.length <= MAX_SHOWN_CHARACTERS ? text : text.slice(0, MAX_SHOWN_CHARACTERS) + "…";
}
