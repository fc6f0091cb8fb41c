import { assertMode } from "../support/file_mode.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { writeNewFiles } from "../../src/core/files.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

Deno.test("writeNewFiles() writes all, each with its permissions", async () => {
  await using folder = await temporaryFolder();
  const outcome = await writeNewFiles([
    { path: folder.at("secret"), text: "a\n", mode: 0o600 },
    { path: folder.at("known"), text: "b\n", mode: 0o640 },
  ]);
  assertEquals(outcome, { kind: "written" });
  assertEquals(await Deno.readTextFile(folder.at("secret")), "a\n");
  await assertMode(folder.at("secret"), 0o600);
  await assertMode(folder.at("known"), 0o640);
});

interface Obstacle {
  readonly name: string;
  readonly put: (path: string) => void;
}

const OBSTACLES: readonly Obstacle[] = [
  { name: "a file", put: (path) => Deno.writeTextFileSync(path, "mine") },
  { name: "a folder", put: (path) => Deno.mkdirSync(path) },
  {
    name: "a link that leads nowhere",
    put: (path) => Deno.symlinkSync(`${path}.none`, path, { type: "file" }),
  },
];

for (const { name, put } of OBSTACLES) {
  testWith(
    name.includes("link") ? [POSIX] : [],
    `writeNewFiles() writes nothing where ${name} is in the way`,
    async () => {
      await using folder = await temporaryFolder();
      put(folder.at("second"));
      const outcome = await writeNewFiles([
        { path: folder.at("first"), text: "a", mode: 0o600 },
        { path: folder.at("second"), text: "b", mode: 0o600 },
      ]);
      assertEquals(outcome, { kind: "exists", path: folder.at("second") });
      assertEquals(names(folder.path), ["second"]);
    },
  );
}

Deno.test("writeNewFiles() takes back what it wrote where a later one fails", async () => {
  await using folder = await temporaryFolder();
  await assertRejects(
    () =>
      writeNewFiles([
        { path: folder.at("first"), text: "a", mode: 0o600 },
        { path: folder.at("none/second"), text: "b", mode: 0o600 },
      ]),
    Deno.errors.NotFound,
  );
  assertEquals(names(folder.path), []);
});

Deno.test("writeNewFiles() takes back what it wrote where another came first", async () => {
  await using folder = await temporaryFolder();
  const file = { path: folder.at("same"), text: "a", mode: 0o600 };
  assertEquals(await writeNewFiles([file, file]), { kind: "exists", path: folder.at("same") });
  assertEquals(names(folder.path), []);
});
