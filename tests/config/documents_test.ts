import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { WITHOUT_EFFECT } from "../../src/cli/run_options.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { createTables } from "../../src/config/schema.ts";

const ROOT = new URL("../..", import.meta.url);

function allKeys(): string[] {
  return Object.entries(createTables((path) => path))
    .flatMap(([name, entries]) => Object.keys(entries).map((key) => `${name}.${key}`));
}

interface Row {
  /** In backticks if it is a value. */
  readonly byDefault: string;
  /** Whether `run` uses it. */
  readonly mark: string;
}

/** Rows of the tables in docs/CONFIGURATION.md by `table.key`. */
async function documented(): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  let table = "";
  for (
    const line of (await Deno.readTextFile(new URL("docs/CONFIGURATION.md", ROOT))).split("\n")
  ) {
    table = /^## `\[(\w+)\]`$/.exec(line)?.[1] ?? table;
    const [, key, byDefault, mark] = /^\| `(\w+)` *\|[^|]*\| *([^|]*?) *\| *(\S*) *\|/.exec(line) ??
      [];
    if (key !== undefined) rows.set(`${table}.${key}`, { byDefault: byDefault!, mark: mark! });
  }
  return rows;
}

Deno.test("docs/CONFIGURATION.md has every key in order, with its default", async () => {
  const rows = await documented();
  assertEquals([...rows.keys()], allKeys());
  const { config } = parseConfig("", "/sentinel.toml");
  for (const [key, { byDefault }] of rows) {
    const [table, name] = key.split(".") as [keyof typeof config, string];
    const actual = (config[table] as Record<string, unknown>)[name];
    const shown = actual === undefined ? undefined : `\`${JSON.stringify(actual)}\``;
    assertEquals(shown, byDefault.startsWith("`") ? byDefault : undefined, key);
  }
});

Deno.test("docs/CONFIGURATION.md marks the keys that have an effect on sentinel run", async () => {
  const marked = [...await documented()].filter(([, { mark }]) => mark === "✓");
  const hasEffect = (key: string) =>
    !WITHOUT_EFFECT.some((name) => key === name || key.startsWith(`${name}.`));
  assertEquals(marked.map(([key]) => key), allKeys().filter(hasEffect));
});

Deno.test("examples/sentinel.toml loads, also with every comment turned into a key", async () => {
  const path = fromFileUrl(new URL("examples/sentinel.toml", ROOT));
  const { config } = await loadConfig(path);
  assertEquals(config.ipc.peer, "child");
  const text = (await Deno.readTextFile(path)).replaceAll(/^# (?=\w+ = )/gm, "");
  const { given } = parseConfig(text, path);
  assertEquals(allKeys().filter((key) => !given.has(key)), []);
});
