import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { bundle } from "../../src/packaging/bundle.ts";
import { checkDisposals } from "../../src/packaging/bundle.ts";
import { BuildError } from "../../src/packaging/run_deno.ts";
import { copyFolder } from "../support/copy_folder.ts";
import { LINUX, POSIX, testWith } from "../support/requirements.ts";
import { resultOf, runProgram } from "../support/program.ts";
import { bundleAsShipped } from "../support/shipped_bundle.ts";
import { sharedFolder, temporaryFolder } from "../support/temporary_folder.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** What the program itself needs of Node's, in parts that are loaded where it does. */
const NODE_MODULES = ["buffer", "crypto", "http", "https", "inspector", "net", "sqlite", "tls"];

/** What packages ask for only if it is there. */
const FOREIGN_GLOBALS = ["define", "msCrypto"];

/** Opens a folder, uses it once and disposes of it, 20 times; prints how many descriptors that took. */
const OPENING = `
async function sync(): Promise<void> {
  using folder = await Deno.open("/tmp");
  await folder.sync();
}
const count = () => Array.from(Deno.readDirSync("/proc/self/fd")).length;
const before = count();
for (let i = 0; i < 20; i++) await sync();
console.log(count() - before);
`;

const deno = (cwd: string) => ({ path: Deno.execPath(), cwd });

/** Bundles the program as it is shipped; the texts of its modules, by name. */
async function bundleSources(root: string, folder: string): Promise<Map<string, string>> {
  await bundle(`${root}src/cli/main.ts`, { folder, deno: deno(root) });
  return await modulesIn(folder);
}

async function modulesIn(folder: string): Promise<Map<string, string>> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await Deno.readTextFile(`${folder}/${name}`)] as const),
    ),
  );
}

let shared: Promise<{ folder: string; modules: Map<string, string> }> | undefined;

function sharedBundle(): Promise<{ folder: string; modules: Map<string, string> }> {
  return shared ??= sharedFolder().then(async (folder) => ({
    folder,
    modules: await bundleSources(ROOT, folder),
  }));
}

/** Bundles with the minifier, which the bundle that is shipped does without. */
async function minify(path: string, folder: string): Promise<void> {
  const { code, stderr } = await resultOf(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--code-splitting", "--outdir", folder, path],
    cwd: ROOT,
  });
  assertEquals(code, 0, stderr);
}

async function descriptorsLeft(path: string): Promise<number> {
  const { stdout } = await resultOf(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", path],
  });
  return Number(stdout);
}

testWith(
  [POSIX],
  "no package brings modules of Node's along, which would slow down each start",
  async () => {
    const names = new Set<string>();
    for (const text of (await sharedBundle()).modules.values()) {
      for (const [, module] of text.matchAll(/"node:([a-z/]+)"/g)) names.add(module!);
    }
    assertEquals([...names].sort(), NODE_MODULES);
  },
);

testWith([POSIX], "a bundle refers to no name that is not there", async () => {
  const { folder } = await sharedBundle();
  const { stdout } = await resultOf(Deno.execPath(), {
    args: [
      ...["lint", "--no-config", "--json", "--rules-tags=", "--rules-include=no-undef"],
      folder,
    ],
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { message: string }[] };
  const names = new Set(diagnostics.map(({ message }) => message.split(" ")[0]!));
  assertEquals([...names].filter((name) => !(name in globalThis)).sort(), FOREIGN_GLOBALS);
});

/** Error classes of the sources: their names stand in stack traces, and nothing compares them. */
async function errorClasses(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) names.push(...await errorClasses(path));
    else {
      const text = await Deno.readTextFile(path);
      names.push(
        ...Array.from(text.matchAll(/^(?:export )?class (\w+Error) /gm), ([, name]) => name!),
      );
    }
  }
  return names;
}

testWith([POSIX], "errors have the same names in a bundle", async () => {
  const { modules } = await sharedBundle();
  const text = [...modules.values()].join("\n");
  const names = await errorClasses(`${ROOT}src`);
  assert(names.length > 20);
  const isKept = (name: string) =>
    new RegExp(`^(?:var ${name} = class extends|class ${name} extends) `, "m").test(text);
  assertEquals(names.filter((name) => !isKept(name)), []);
});

testWith(
  [POSIX],
  "sources in another folder make the same modules, which name no folder of this machine",
  async () => {
    await using folder = await temporaryFolder();
    const copy = folder.at("a/b/c");
    for (const part of ["src", "ffi", "std"]) await copyFolder(ROOT + part, `${copy}/${part}`);
    for (const file of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(ROOT + file, `${copy}/${file}`);
    }
    const { modules: ours } = await sharedBundle();
    assertEquals(await bundleSources(`${copy}/`, folder.at("out")), ours);
    assert(ours.size > 50);
    for (const [name, text] of ours) {
      for (
        const path of [ROOT, ".cache/", "registry.npmjs.org", "../../", dirname(Deno.execPath())]
      ) {
        assertEquals(text.includes(path), false, `${path} in ${name}`);
      }
    }
  },
);

testWith(
  [POSIX],
  "the sources, minified, are refused for the disposals that it drops",
  async () => {
    await using folder = await temporaryFolder();
    await minify(`${ROOT}src/cli/main.ts`, folder.path);
    const minified = [...(await modulesIn(folder.path)).values()];
    const modules = [...(await sharedBundle()).modules.values()];
    // what was bundled is held to its sources already
    checkDisposals({ sources: modules, modules });
    const error = await assertRejects(
      () => Promise.resolve().then(() => checkDisposals({ sources: modules, modules: minified })),
      BuildError,
    );
    const [, kept, declared] = /has (\d+) of the (\d+) using declarations/.exec(error.message) ??
      [];
    assert(Number(kept) < Number(declared), error.message);
  },
);

testWith([POSIX], "a bundler that drops a disposal makes no bundle", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("main.ts"), OPENING);
  await Deno.writeTextFile(
    folder.at("deno"),
    `#!/bin/sh\n[ "$1" = info ] || set -- "$@" --minify\nexec ${Deno.execPath()} "$@"\n`,
    { mode: 0o755 },
  );
  const error = await assertRejects(
    () =>
      bundle(folder.at("main.ts"), { folder: folder.at("out"), deno: { path: folder.at("deno") } }),
    BuildError,
  );
  assertEquals(
    error.message,
    "the bundle has 0 of the 1 using declarations of its sources: resources would stay open",
  );
  assertEquals([...Deno.readDirSync(folder.at("out"))], []);
});

/** Keeps the folder of the entry that it compiles, and makes a program that starts. */
const COMPILER = `#!/bin/sh
[ "$1" != --version ] || echo "deno ${Deno.version.deno} (stable)"
[ "$1" = compile ] || exit 0
while [ "$1" != --output ]; do shift; done
printf '#!/bin/sh\\n' > "$2"; chmod 755 "$2"; cp -R "$(dirname "$3")" "$(dirname "$0")/kept"
`;

testWith(
  [POSIX],
  "a bundle that builds programs gives them its own modules and another entry",
  async () => {
    await using folder = await temporaryFolder();
    const entry = await bundleAsShipped(folder.at("bundle"));
    const { publicKeyPath } = await makeOrganizationKey(folder.path);
    await Deno.writeTextFile(folder.at("deno"), COMPILER, { mode: 0o755 });
    const { code, stderr } = await runProgram([
      ...["vendor", "build", "--org-key", publicKeyPath, "--out", folder.at("out")],
    ], {
      copy: { deno: Deno.execPath(), entry },
      env: { BUILD_DENO: "deno", PATH: `${folder.path}:${Deno.env.get("PATH")}` },
    });
    assertEquals([code, stderr], [0, ""]);
    const ours = await modulesIn(folder.at("bundle")), theirs = await modulesIn(folder.at("kept"));
    assert(theirs.get("sentinel.js")!.includes("BEGIN PUBLIC KEY"));
    for (const modules of [ours, theirs]) modules.delete("sentinel.js");
    assertEquals(theirs, ours);
  },
);

testWith(
  [LINUX],
  "resources are closed in a bundle, and stay open in a minified one",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("main.ts"), OPENING);
    await bundle(folder.at("main.ts"), { folder: folder.at("out"), deno: deno(folder.path) });
    assertEquals(await descriptorsLeft(folder.at("out/main.js")), 0);
    await minify(folder.at("main.ts"), folder.at("minified"));
    assertNotEquals(await descriptorsLeft(folder.at("minified/main.js")), 0);
  },
);
