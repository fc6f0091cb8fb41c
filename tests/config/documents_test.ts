import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { configTables } from "../../src/config/schema.ts";

const ROOT = new URL("../../", import.meta.url);

function allKeys(): string[] {
  return Object.entries(configTables((path) => path))
    .flatMap(([name, entries]) => Object.keys(entries).map((key) => `${name}.${key}`));
}

/** Rows of the tables in docs/CONFIGURATION.md: `table.key`, and the default where it is written as a value. */
async function documented(): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  let table = "";
  for (
    const line of (await Deno.readTextFile(new URL("docs/CONFIGURATION.md", ROOT))).split("\n")
  ) {
    table = /^## `\[(\w+)\]`$/.exec(line)?.[1] ?? table;
    const [, key, , value] = /^\| `(\w+)` *\|([^|]*)\| *([^|]*?) *\|/.exec(line) ?? [];
    if (key !== undefined) rows.set(`${table}.${key}`, value!);
  }
  return rows;
}

Deno.test("docs/CONFIGURATION.md has every key in order, with the default that it has", async () => {
  const rows = await documented();
  assertEquals([...rows.keys()], allKeys());
  const { config } = parseConfig("", "/sentinel.toml");
  for (const [key, value] of rows) {
    const [table, name] = key.split(".") as [keyof typeof config, string];
    const actual = (config[table] as Record<string, unknown>)[name];
    const shown = actual === undefined ? undefined : `\`${JSON.stringify(actual)}\``;
    assertEquals(shown, value.startsWith("`") ? value : undefined, key);
  }
});

Deno.test("examples/sentinel.toml loads, and with every comment taken for a key too", async () => {
  const path = fromFileUrl(new URL("examples/sentinel.toml", ROOT));
  const { config } = await loadConfig(path);
  assertEquals(config.ipc.peer, "child");
  const text = (await Deno.readTextFile(path)).replaceAll(/^# (?=\w+ = )/gm, "");
  const { given } = parseConfig(text, path);
  assertEquals(allKeys().filter((key) => !given.has(key)), []);
});
