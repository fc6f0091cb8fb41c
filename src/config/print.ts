import { type Config, configTables } from "./schema.ts";

/** What stands for the value of a variable, which may be a secret. */
const HIDDEN = "(hidden)";

/** A configuration as a file that says all of it, defaults included; keys without a value are comments. */
export function printConfig(config: Config): string {
  const shown: Config = {
    ...config,
    software: {
      ...config.software,
      env: Object.fromEntries(Object.keys(config.software.env).map((name) => [name, HIDDEN])),
    },
  };
  return Object.entries(configTables((path) => path)).map(([name, keys]) => {
    const table = shown[name as keyof Config] as Record<string, unknown>;
    return [`[${name}]`, ...Object.keys(keys).map((key) => printKey(key, table[key]))].join("\n");
  }).join("\n\n");
}

/** A table within a table is written as one line, so that no key behind it gets into it. */
function printKey(key: string, value: unknown): string {
  if (value === undefined) return `# ${key} =`;
  if (typeof value !== "object" || Array.isArray(value)) return `${key} = ${toToml(value)}`;
  const pairs = Object.entries(value as object).map(([name, text]) =>
    `${toToml(name)} = ${toToml(text)}`
  );
  return `${key} = { ${pairs.join(", ")} }`.replace("{  }", "{}");
}

/** TOML writes texts, numbers, lists of them, true and false as JSON does, but escapes DEL (TOML 1.0, String). */
function toToml(value: unknown): string {
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}
