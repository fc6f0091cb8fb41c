import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import {
  ifExists,
  ifExistsSync,
  lstatIfExists,
  lstatIfExistsSync,
  readConfigFile,
  replaceContent,
  writeAll,
  writeAllSync,
  writeFreshSync,
  writeNewFiles,
} from "../../src/core/files.ts";
import { assertMode } from "../support/file_mode.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("ifExists() returns the result, or undefined if the file does not exist", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "text");
  assertEquals(await ifExists(Deno.readTextFile(folder.at("file"))), "text");
  assertEquals(await ifExists(Deno.readTextFile(folder.at("none"))), undefined);
  assertEquals(ifExistsSync(() => Deno.readTextFileSync(folder.at("file"))), "text");
  assertEquals(ifExistsSync(() => Deno.readTextFileSync(folder.at("none"))), undefined);
});

Deno.test("ifExists() throws every other error", async () => {
  await using folder = await temporaryFolder();
  await assertRejects(() => ifExists(Deno.readTextFile(folder.path)));
  assertThrows(() => ifExistsSync(() => Deno.readTextFileSync(folder.path)));
});

testWith([POSIX], "lstatIfExists() describes a link, not its target", async () => {
  await using folder = await temporaryFolder();
  await Deno.symlink("nowhere", folder.at("link"));
  for (
    const info of [await lstatIfExists(folder.at("link")), lstatIfExistsSync(folder.at("link"))]
  ) {
    assertEquals(info?.isSymlink, true);
  }
});

Deno.test("lstatIfExists() is undefined if the path does not exist", async () => {
  await using folder = await temporaryFolder();
  const none = folder.at("none/below");
  assertEquals([await lstatIfExists(none), lstatIfExistsSync(none)], [undefined, undefined]);
});

testWith([POSIX], "lstatIfExists() rejects a path that is too long", async () => {
  const long = `/${"a".repeat(5000)}`;
  await assertRejects(() => lstatIfExists(long));
  assertThrows(() => lstatIfExistsSync(long));
});

const BYTES = new Uint8Array([1, 2, 3, 4, 5, 6, 7]);

/** Accepts three bytes at a time, and fails when it has `room` of them. */
function narrowFile(room = Infinity) {
  const written: number[] = [];
  const writeSync = (bytes: Uint8Array) => {
    if (written.length >= room) throw new Error("no space left");
    const taken = bytes.subarray(0, 3);
    written.push(...taken);
    return taken.length;
  };
  return { written, writeSync, write: async (bytes: Uint8Array) => await writeSync(bytes) };
}

Deno.test("writeAll() repeats the write until all bytes are written", async () => {
  const file = narrowFile(), other = narrowFile();
  await writeAll(file, BYTES);
  writeAllSync(other, BYTES);
  assertEquals(file.written, [...BYTES]);
  assertEquals(other.written, [...BYTES]);
});

Deno.test("writeAll() of nothing writes nothing", async () => {
  await writeAll(narrowFile(0), new Uint8Array());
  writeAllSync(narrowFile(0), new Uint8Array());
});

Deno.test("writeAll() fails with the first failing write", async () => {
  await assertRejects(() => writeAll(narrowFile(3), BYTES), Error, "no space left");
  assertThrows(() => writeAllSync(narrowFile(3), BYTES), Error, "no space left");
});

const OPTIONS = { mode: 0o600 };

/** Writes a text in either way. */
const WAYS: Record<string, (path: string, text: string) => Promise<void> | void> = {
  // the link must not be followed at the temporary path
  "replaceContent()": async (path, text) => {
    await ifExists(Deno.rename(path, `${path}.tmp`));
    await replaceContent(path, new TextEncoder().encode(text), OPTIONS);
  },
  "writeFreshSync()": (path, text) => writeFreshSync(path, text, OPTIONS),
};

for (const [name, write] of Object.entries(WAYS)) {
  Deno.test(`${name} creates a file, and replaces it`, async () => {
    await using folder = await temporaryFolder();
    await write(folder.at("a"), "first and long");
    await write(folder.at("a"), "second");
    assertEquals(await Deno.readTextFile(folder.at("a")), "second");
    await assertMode(folder.at("a"), 0o600);
  });

  testWith([POSIX], `${name} removes a link and leaves its target alone`, async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("precious"), "kept");
    for (const target of ["precious", "none"]) {
      await Deno.symlink(folder.at(target), folder.at(`to-${target}`));
      await write(folder.at(`to-${target}`), "new");
      assertEquals((await Deno.lstat(folder.at(`to-${target}`))).isFile, true);
    }
    assertEquals(await Deno.readTextFile(folder.at("precious")), "kept");
    const names = Array.from(Deno.readDirSync(folder.path), (entry) => entry.name);
    assertEquals(names.sort(), ["precious", "to-none", "to-precious"]);
  });
}

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
    `writeNewFiles() writes nothing if ${name} is in the way`,
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

Deno.test("writeNewFiles() removes what it wrote if a later file fails", async () => {
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

Deno.test("writeNewFiles() removes what it wrote if a later file exists", async () => {
  await using folder = await temporaryFolder();
  const file = { path: folder.at("same"), text: "a", mode: 0o600 };
  assertEquals(await writeNewFiles([file, file]), { kind: "exists", path: folder.at("same") });
  assertEquals(names(folder.path), []);
});

const LARGEST = 256 * 1024;
const NAMING = { what: "key file", code: "config.key" };

const UNFIT: [string, (path: string) => Promise<unknown>, string][] = [
  ["does not exist", () => Promise.resolve(), "key file not found: "],
  ["is a folder", (path) => Deno.mkdir(path), "key file is a folder: "],
  [
    "is larger than any key",
    (path) => Deno.writeTextFile(path, "a".repeat(LARGEST + 1)),
    "key file is larger than 262144 bytes: ",
  ],
  [
    "is not text",
    (path) => Deno.writeFile(path, Uint8Array.of(0xff)),
    "key file is not UTF-8 text: ",
  ],
];

for (const [what, make, message] of UNFIT) {
  Deno.test(`readConfigFile() of a file that ${what} fails with one line`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("file");
    await make(path);
    const error = await assertRejects(() => readConfigFile(path, NAMING), SentinelError);
    assertEquals([error.code, error.message], ["config.key", message + path]);
  });
}

testWith([POSIX, needsProgram("mkfifo")], "readConfigFile() does not wait for a pipe", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("pipe");
  await runTool("mkfifo", path);
  const error = await assertRejects(() => readConfigFile(path, NAMING), SentinelError);
  assertEquals(error.message, `key file is not a regular file: ${path}`);
});

testWith([POSIX], "readConfigFile() reports other errors of the system with the path", async () => {
  // longer than any name
  const path = `/${"a".repeat(5000)}`;
  const error = await assertRejects(() => readConfigFile(path, NAMING), SentinelError);
  assertStringIncludes(error.message, `key file cannot be read: ${path} (`);
});

Deno.test("readConfigFile() reads a file of the largest size", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "a".repeat(LARGEST));
  assertEquals((await readConfigFile(folder.at("file"), NAMING)).text.length, LARGEST);
});
