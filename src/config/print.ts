import { type Config, createTables } from "./schema.ts";

/** Replaces the values of environment variables, which may be secrets. */
const HIDDEN = "(hidden)";

/** Formats a configuration as TOML with all defaults; keys without a value are comments. */
export function printConfig(config: Config): string {
  const shown: Config = {
    ...config,
    software: {
      ...config.software,
      env: Object.fromEntries(Object.keys(config.software.env).map((name) => [name, HIDDEN])),
    },
  };
  return Object.entries(createTables((path) => path)).map(([name, keys]) => {
    const table = shown[name as keyof Config] as Record<string, unknown>;
    return [`[${name}]`, ...Object.keys(keys).map((key) => printKey(key, table[key]))].join("\n");
  }).join("\n\n");
}

/** Writes a nested table inline, so that it does not swallow the keys after it. */
function printKey(key: string, value: unknown): string {
  if (value === undefined) return `# ${key} =`;
  if (typeof value !== "object" || Array.isArray(value)) return `${key} = ${toToml(value)}`;
  const pairs = Object.entries(value as object).map(([name, text]) =>
    `${toToml(name)} = ${toToml(text)}`
  );
  return `${key} = { ${pairs.join(", ")} }`.replace("{  }", "{}");
}

/** Strings, numbers, booleans and lists are written as in JSON, except that TOML escapes DEL (TOML 1.0, String). */
function toToml(value: unknown): string {
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}
