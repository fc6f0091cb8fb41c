import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));

/** What each room may import from, besides itself. Who is not named here belongs to no layer. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["src/cli"],
  "ffi": [],
  "std": [],
  "src/core": [],
  "src/signing": ["src/core"],
  "src/platform": ["src/core", "ffi"],
  "src/license": ["src/core", "src/signing", "src/platform"],
  "src/activation": ["src/core", "src/signing", "src/platform"],
  "src/state": ["src/core", "src/signing", "src/platform"],
  "src/config": ["src/core"],
  "src/ipc": ["src/core", "src/platform"],
  "src/process": ["src/core", "src/platform"],
  "src/remote": ["src/core", "src/platform"],
  "src/pki": ["src/core", "src/signing"],
  "src/daemon": ["src/core", "src/platform"],
  "src/sentinel": [
    "src/core",
    "src/signing",
    "src/platform",
    "src/license",
    "src/activation",
    "src/state",
    "src/ipc",
    "src/process",
    "src/daemon",
    "src/config",
  ],
  "src/vendor": [
    "src/core",
    "src/signing",
    "src/platform",
    "src/license",
    "src/activation",
  ],
  "src/compose.ts": [
    "src/core",
    "src/platform",
    "src/license",
    "src/sentinel",
    "src/compose_signals.ts",
    "src/compose_trusted_fetch.ts",
  ],
  "src/compose_vendor.ts": ["src/core", "src/vendor"],
  "src/compose_daemon.ts": [
    "src/core",
    "src/platform",
    "src/config",
    "src/daemon",
    "src/sentinel",
    "src/compose.ts",
    "src/compose_daemon_server.ts",
    "src/compose_detached.ts",
  ],
  "src/compose_detached.ts": [
    "src/daemon",
    "src/platform",
    "src/sentinel",
    "src/compose_signals.ts",
  ],
  "src/compose_daemon_server.ts": [
    "src/core",
    "src/config",
    "src/process",
    "src/remote",
    "src/sentinel",
    "src/compose_remote.ts",
  ],
  "src/compose_daemon_control.ts": [
    "src/core",
    "src/platform",
    "src/ipc",
    "src/daemon",
    "src/sentinel",
  ],
  "src/compose_build.ts": ["src/core", "src/vendor"],
  "src/compose_doctor.ts": [
    "src/core",
    "src/platform",
    "src/license",
    "src/sentinel",
    "src/compose_trusted_fetch.ts",
  ],
  "src/compose_trusted_fetch.ts": ["src/activation"],
  "src/compose_service.ts": [
    "src/core",
    "src/platform",
    "src/config",
    "src/daemon",
    "src/sentinel",
    "src/compose_detached.ts",
  ],
  "src/compose_fingerprint.ts": ["src/platform", "src/license"],
  "src/compose_remote.ts": [
    "src/core",
    "src/platform",
    "src/process",
    "src/pki",
    "src/remote",
    "src/compose_signals.ts",
  ],
  "src/compose_remote_client.ts": ["src/core", "src/platform", "src/remote"],
  "src/compose_pki.ts": ["src/core", "src/pki"],
  "src/compose_signals.ts": ["src/core", "src/platform"],
  "src/cli": [
    "src/core",
    "src/config",
    "src/compose_remote.ts",
    "src/compose_remote_client.ts",
    "src/compose_pki.ts",
    "src/compose_signals.ts",
    "src/remote",
    "src/compose_build.ts",
    "src/compose_detached.ts",
    "src/compose_doctor.ts",
    "src/compose_fingerprint.ts",
    "src/compose.ts",
    "src/compose_daemon.ts",
    "src/compose_daemon_control.ts",
    "src/compose_service.ts",
    "src/compose_vendor.ts",
    "src/sentinel",
    "src/daemon",
    "src/license",
    "src/ipc",
    "src/vendor",
  ],
};

/** What only one place may do: the pattern, and where it is allowed. */
const ONLY_IN: readonly { readonly what: RegExp; readonly where: RegExp }[] = [
  { what: /\bDeno\.build\.os\b/, where: /^src\/platform\/select\.ts$/ },
  { what: /\bDeno\.dlopen\b/, where: /^ffi\// },
  { what: /\bconsole\.|\bDeno\.(?:stdout|stderr)\b/, where: /^src\/cli\/output\.ts$/ },
  { what: /\bDeno\.exit\b/, where: /^(?:main|src\/vendor\/build\/compile_program)\.ts$/ },
  {
    what: /\b(?:Date\.now|performance\.now|setTimeout|setInterval|Math\.random)\(/,
    where: /^src\/(?:core\/clock|compose|compose_vendor)\.ts$/,
  },
];

interface Source {
  readonly path: string;
  readonly text: string;
}

async function* sourcesBelow(folder: string): AsyncGenerator<Source> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sourcesBelow(path);
    else if (entry.name.endsWith(".ts")) yield await readSource(path);
  }
}

async function readSource(path: string): Promise<Source> {
  return { path: relative(ROOT, path), text: await Deno.readTextFile(path) };
}

async function allSources(): Promise<Source[]> {
  const sources = [await readSource(join(ROOT, "main.ts"))];
  for (const folder of ["src", "ffi", "std"]) {
    for await (const source of sourcesBelow(join(ROOT, folder))) sources.push(source);
  }
  return sources.sort((a, b) => a.path.localeCompare(b.path));
}

/** The room a path belongs to: the longest name of the table that it is or lies in. */
function roomOf(path: string): string {
  const rooms = Object.keys(MAY_IMPORT).filter((room) =>
    path === room || path.startsWith(room + "/")
  );
  return rooms.sort((a, b) => b.length - a.length)[0] ?? "(none)";
}

function importedPaths({ path, text }: Source): string[] {
  const imports = text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g);
  return Array.from(imports, (match) => relative(ROOT, join(ROOT, dirname(path), match[1]!)));
}

function turnedImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const room = roomOf(source.path);
    const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
    return importedPaths(source)
      .filter((target) => !allowed.includes(roomOf(target)))
      .map((target) => `${source.path} imports ${target}`);
  });
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<![:"'`])\/\/.*$/gm, "");
}

function outOfPlace(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    ONLY_IN
      .filter(({ what, where }) => !where.test(path) && what.test(withoutComments(text)))
      .map(({ what }) => `${path} has ${what.source}`)
  );
}

/** Functions, classes and constants that a file exports, and no other file names. */
function unusedExports(sources: readonly Source[], users: readonly Source[]): string[] {
  const files = new Map<string, number>();
  for (const { text } of users) {
    for (const word of new Set(text.match(/\w+/g))) files.set(word, (files.get(word) ?? 0) + 1);
  }
  const exports = /^export (?:async |abstract )?(?:function\*?|const|class) (\w+)/gm;
  return sources.flatMap(({ path, text }) =>
    Array.from(text.matchAll(exports), ([, name]) => name!)
      .filter((name) => files.get(name) === 1)
      .map((name) => `${path} exports ${name}`)
  );
}

Deno.test("every source file belongs to a room, and imports go one way only", async () => {
  const sources = await allSources();
  const homeless = sources.filter(({ path }) => roomOf(path) === "(none)");
  assertEquals(homeless.map(({ path }) => path), []);
  assertEquals(turnedImports(sources), []);
});

Deno.test("what one place alone may do is done nowhere else", async () => {
  assertEquals(outOfPlace(await allSources()), []);
});

Deno.test("what a file exports is used by another", async () => {
  const sources = await allSources();
  const users = [...sources];
  for (const folder of ["tests", "build", "demo"]) {
    users.push(...await Array.fromAsync(sourcesBelow(join(ROOT, folder))));
  }
  // what is in std/ are others' libraries, a part of each
  const ours = sources.filter(({ path }) => !path.startsWith("std/"));
  assertEquals(unusedExports(ours, users), []);
});

Deno.test("the configuration's code, the parser with it, is loaded only where a file is named", async () => {
  const eager = /^import (?!type\b)[^;]*? from "(?:[^"]*\/config\/[^"]*|@std\/toml[^"]*)";$/m;
  const importers = (await allSources()).filter(({ text }) => eager.test(text));
  // the last is the daemon's, which `daemon start` alone loads
  assertEquals(importers.map(({ path }) => path), [
    ...["src/config/load.ts", "src/config/print.ts", "src/sentinel/daemon.ts"],
  ]);
});

Deno.test("the layer rules see an import that turns round and a forbidden call", () => {
  const state: Source = {
    path: "src/state/x.ts",
    text: 'import { a } from "../ipc/server.ts";\nDeno.exit(1);',
  };
  assertEquals(turnedImports([state]), ["src/state/x.ts imports src/ipc/server.ts"]);
  assertEquals(outOfPlace([state]), ["src/state/x.ts has \\bDeno\\.exit\\b"]);
  const lonely: Source = { path: "src/state/y.ts", text: "export const a = 1, lonely = 2;" };
  const odd: Source = { path: "src/state/z.ts", text: "export async function odd() {}" };
  assertEquals(unusedExports([lonely, odd], [state, lonely, odd]), ["src/state/z.ts exports odd"]);
});

Deno.test("every attack says what it is, and shows that it works where the defence is off", async () => {
  for await (const { path, text } of sourcesBelow(join(ROOT, "tests/attack"))) {
    assertEquals([path, /^\/\*\*\n \* The attacker /.test(text)], [path, true]);
    assertEquals([path, /the attack["`]|without the defence/.test(text)], [path, true]);
  }
});

Deno.test("version, permissions and pinned Deno are the same wherever they are named", async () => {
  const read = (path: string) => Deno.readTextFile(join(ROOT, path));
  const { VERSION } = await import("../src/core/build_info.ts");
  const { PERMISSION_SETS } = await import("../src/packaging/compile_program.ts");
  assertEquals(JSON.parse(await read("deno.json")).version, VERSION);
  assertEquals(JSON.parse(await read("deno.json")).permissions, PERMISSION_SETS);
  const pinned = (await read(".dvmrc")).trim();
  for (const path of ["README.md", "CONTRIBUTING.md"]) {
    const named = [...(await read(path)).matchAll(/deno@([\d.]+\d)/g)].map((match) => match[1]);
    assertEquals([...new Set(named)], [pinned], path);
  }
});
