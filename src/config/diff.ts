import type { Config, TableName } from "./schema.ts";

/** Keys that a running daemon can change. A table's name covers all of its keys. */
const CHANGEABLE: readonly string[] = [
  "license.path",
  "ipc.read_timeout_ms",
  "ipc.write_timeout_ms",
  "ipc.idle_timeout_ms",
  "ipc.max_connections",
  "health",
  "server.certificate",
  "server.key",
  "server.certificate_authority",
  "server.revocation_list",
  "logging",
  "shutdown",
];

/** The keys that differ, as `table.key` in the order of the schema. */
interface ConfigDifference {
  readonly changeable: readonly string[];
  readonly requiresRestart: readonly string[];
}

/** Compares the values of two configurations, whether set or defaults. */
export function diffConfig(before: Config, after: Config): ConfigDifference {
  const changed = findDifferingKeys(before, after);
  return {
    changeable: changed.filter(isChangeable),
    requiresRestart: changed.filter((key) => !isChangeable(key)),
  };
}

/** Returns `before` with every changeable key taken from `after`. */
export function mergeChangeable(before: Config, after: Config): Config {
  const tables = Object.entries(before).map(([name, table]) => {
    const news = after[name as TableName] as Record<string, unknown>;
    const keys = new Set([...Object.keys(table), ...Object.keys(news)]);
    const entries = Array.from(keys, (key) => {
      const source = isChangeable(`${name}.${key}`) ? news : table as Record<string, unknown>;
      return [key, source[key]];
    });
    return [name, Object.fromEntries(entries.filter(([, value]) => value !== undefined))];
  });
  return Object.fromEntries(tables) as Config;
}

function findDifferingKeys(before: Config, after: Config): string[] {
  return Object.keys(before).flatMap((name) => {
    const old = before[name as TableName] as Record<string, unknown>;
    const news = after[name as TableName] as Record<string, unknown>;
    const keys = new Set([...Object.keys(old), ...Object.keys(news)]);
    return Array.from(keys).filter((key) => JSON.stringify(old[key]) !== JSON.stringify(news[key]))
      .map((key) => `${name}.${key}`);
  });
}

function isChangeable(key: string): boolean {
  return CHANGEABLE.includes(key) || CHANGEABLE.includes(key.split(".")[0]!);
}
