// Not on Windows: it is about the sources, which are the same there.
import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));

/** The layers, from the top down: a room imports from rooms of layers below its own, never from one beside it. */
const LAYERS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["src/cli"],
  ["src/app"],
  ["src/daemon", "src/doctor", "src/service"],
  ["src/agent"],
  ["src/supervision", "src/enforcement", "src/license_server", "src/packaging"],
  ["src/process", "src/ipc", "src/state", "src/pki", "src/license", "src/activation"],
  ["src/config", "src/remote", "src/platform", "src/signing"],
  ["src/net"],
  ["src/core", "ffi"],
  ["std"],
];

/** Code that is reserved for one place: the pattern, and the place. */
const ONLY_IN: readonly { readonly what: RegExp; readonly where: RegExp }[] = [
  { what: /\bDeno\.build\.os\b/, where: /^src\/platform\/select\.ts$/ },
  { what: /\bDeno\.dlopen\b/, where: /^ffi\// },
  { what: /\bconsole\.(?!ts)|\bDeno\.(?:stdout|stderr)\b/, where: /^src\/cli\/output\.ts$/ },
  { what: /\bDeno\.exit\b/, where: /^(?:main|src\/packaging\/compile_program)\.ts$/ },
  {
    what: /\b(?:Date\.now|performance\.now|setTimeout|setInterval|Math\.random)\(/,
    where: /^src\/(?:core\/clock|app\/run|app\/vendor)\.ts$/,
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

/** The room that a path is or lies in; `undefined` if it belongs to none. */
function roomOf(path: string): string | undefined {
  return LAYERS.flat().find((room) => path === room || path.startsWith(room + "/"));
}

function layerOf(room: string | undefined): number {
  return LAYERS.findIndex((rooms) => rooms.some((name) => name === room));
}

function importedPaths({ path, text }: Source): string[] {
  const imports = text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g);
  return Array.from(imports, (match) => relative(ROOT, join(ROOT, dirname(path), match[1]!)));
}

function turnedImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const room = roomOf(source.path);
    return importedPaths(source)
      .filter((target) => roomOf(target) !== room && layerOf(roomOf(target)) <= layerOf(room))
      .map((target) => `${source.path} imports ${target}`);
  });
}

/** Files that import each other, directly or not, types included. */
function circles(sources: readonly Source[]): string[] {
  const imports = new Map(sources.map((source) => [source.path, importedPaths(source)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, way: readonly string[]) => {
    const at = way.indexOf(path);
    if (at >= 0) found.push([...way.slice(at), path].join(" -> "));
    if (at >= 0 || done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  return found;
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

/** Functions, classes and constants that a file exports and no other file uses. */
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

Deno.test("every source file belongs to a room, and imports go only down", async () => {
  const sources = await allSources();
  const homeless = sources.filter(({ path }) => roomOf(path) === undefined);
  assertEquals(homeless.map(({ path }) => path), []);
  assertEquals(turnedImports(sources), []);
});

Deno.test("there are no import cycles", async () => {
  assertEquals(circles(await allSources()), []);
});

Deno.test("code that is reserved for one place is nowhere else", async () => {
  assertEquals(outOfPlace(await allSources()), []);
});

Deno.test("every export is used by another file", async () => {
  const sources = await allSources();
  const users = [...sources];
  for (const folder of ["tests", "tools", "build", "demo"]) {
    users.push(...await Array.fromAsync(sourcesBelow(join(ROOT, folder))));
  }
  // what is in std/ are others' libraries, a part of each
  const ours = sources.filter(({ path }) => !path.startsWith("std/"));
  assertEquals(unusedExports(ours, users), []);
});

Deno.test("the configuration's code and its parser are loaded only if a file is named", async () => {
  const eager = /^import (?!type\b)[^;]*? from "(?:[^"]*\/config\/[^"]*|smol-toml)";$/m;
  const importers = (await allSources()).filter(({ text }) => eager.test(text));
  // the last is the daemon's, which `daemon start` alone loads
  assertEquals(importers.map(({ path }) => path), [
    ...["src/config/load.ts", "src/daemon/daemon.ts"],
  ]);
});

Deno.test("the layer rules detect an upward import and a forbidden call", () => {
  const state: Source = {
    path: "src/state/x.ts",
    text: 'import { a } from "../ipc/server.ts";\nDeno.exit(1);',
  };
  assertEquals(turnedImports([state]), ["src/state/x.ts imports src/ipc/server.ts"]);
  const back: Source = { path: "src/ipc/server.ts", text: 'import "../state/x.ts";' };
  assertEquals(circles([state, back]), ["src/state/x.ts -> src/ipc/server.ts -> src/state/x.ts"]);
  assertEquals(outOfPlace([state]), ["src/state/x.ts has \\bDeno\\.exit\\b"]);
  const lonely: Source = { path: "src/state/y.ts", text: "export const a = 1, lonely = 2;" };
  const odd: Source = { path: "src/state/z.ts", text: "export async function odd() {}" };
  assertEquals(unusedExports([lonely, odd], [state, lonely, odd]), ["src/state/z.ts exports odd"]);
});

Deno.test("every attack says what it is, and shows that it works with the defense off", async () => {
  for await (const { path, text } of sourcesBelow(join(ROOT, "tests/attack"))) {
    assertEquals([path, /^\/\*\*\n \* The attacker /m.test(text)], [path, true]);
    assertEquals([path, /the attack["`]|without the defense/.test(text)], [path, true]);
  }
});

Deno.test("version, permissions and pinned Deno are the same everywhere", async () => {
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
