// Not on Windows: it is about the sources, which are the same there.
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

async function* documents(): AsyncGenerator<string> {
  for (const folder of ["", "docs/", "docs/decisions/"]) {
    for await (const { name } of Deno.readDir(ROOT + folder)) {
      if (name.endsWith(".md")) yield folder + name;
    }
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(ROOT + path).isFile;
  } catch {
    return false;
  }
}

Deno.test("every file of the repository that a document names exists", async () => {
  const missing: string[] = [];
  for await (const path of documents()) {
    const text = await Deno.readTextFile(ROOT + path);
    const named = text.matchAll(
      /(?<![\w/])(?:docs|src|ffi|tests|examples|\.github)(?:\/[\w-]+)+\.\w+/g,
    );
    missing.push(
      ...Array.from(named, ([file]) => file).filter((file) => !isThere(file))
        .map((file) => `${path} names ${file}`),
    );
  }
  assertEquals(missing, []);
});

Deno.test("THREAT-MODEL.md lists every attack that is tested", async () => {
  const text = await Deno.readTextFile(`${ROOT}docs/THREAT-MODEL.md`);
  const [, list = ""] = text.split("\n## Tested attacks\n");
  const told = Array.from(list.matchAll(/^\| .* \| `(\w+_test\.ts)` +\|$/gm), ([, file]) => file!);
  const tried = Array.from(Deno.readDirSync(`${ROOT}tests/attack`), ({ name }) => name);
  assertEquals([...new Set(told)].sort(), tried.sort());
});
