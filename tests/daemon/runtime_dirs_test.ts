import { assert, assertEquals, assertRejects } from "@std/assert";
import { CreateError } from "../../src/daemon/runtime_dirs.ts";
import { createUserDirectories } from "../../src/daemon/runtime_dirs.ts";
import { NEEDS_ROOT, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const USER = { userId: 65534, groupId: 65534 };

function make(file: string, ...folders: string[]) {
  return createUserDirectories({ ...USER, folders, files: [{ path: file, mode: 0o640 }] });
}

testWith(
  [NEEDS_ROOT],
  "createUserDirectories() creates folders for the user, and nothing in them",
  async () => {
    await using folder = await temporaryFolder();
    const made = await make(folder.at("a/b/file"), folder.at("c"));
    for (const name of ["a", "a/b", "c"]) {
      const { uid, gid, mode } = await Deno.stat(folder.at(name));
      assertEquals([uid, gid, mode! & 0o777], [65534, 65534, 0o700]);
    }
    assertEquals([...Deno.readDirSync(folder.at("a/b"))], []);
    await made.remove();
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
);

testWith(
  [NEEDS_ROOT],
  "createUserDirectories() creates a file in a folder of root's, once",
  async () => {
    await using folder = await temporaryFolder();
    const made = await make(folder.at("file"));
    const { uid, mode } = await Deno.stat(folder.at("file"));
    assertEquals([uid, mode! & 0o777], [65534, 0o640]);
    await (await make(folder.at("file"))).remove();
    assertEquals((await Deno.stat(folder.at("file"))).isFile, true);
    await made.remove();
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
);

testWith(
  [NEEDS_ROOT],
  "createUserDirectories() does not change the owner of a link's target",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("secret"), "root's");
    await Deno.mkdir(folder.at("his"));
    await Deno.symlink(folder.at("secret"), folder.at("his/file"));
    await Deno.symlink(folder.path, folder.at("his/link"));
    await Deno.chown(folder.at("his"), 65534, 65534);
    await make(folder.at("his/file"), folder.at("his/folder"));
    await make(folder.at("his/other"));
    assertEquals((await Deno.stat(folder.at("secret"))).uid, 0);
    assertEquals(Array.from(Deno.readDirSync(folder.at("his")), ({ name }) => name).sort(), [
      ...["file", "link"],
    ]);
  },
);

testWith(
  [NEEDS_ROOT],
  "createUserDirectories() creates nothing where other users can write, including parent folders",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.at("shared/inner"), { recursive: true });
    await Deno.chmod(folder.at("shared"), 0o777);
    await make(folder.at("shared/inner/file"), folder.at("shared/inner/folder"));
    assertEquals([...Deno.readDirSync(folder.at("shared/inner"))], []);
  },
);

testWith(
  [NEEDS_ROOT],
  "createUserDirectories() leaves nothing behind if one path cannot be created",
  async () => {
    await using folder = await temporaryFolder();
    const tooLong = folder.at(`${"x".repeat(256)}/file`);
    await assertRejects(() => make(tooLong, folder.at("a/b")), CreateError, "File name too long");
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
);

testWith(
  [NEEDS_ROOT],
  "createUserDirectories() tolerates concurrent calls",
  async () => {
    await using folder = await temporaryFolder();
    const starts = Array.from({ length: 10 }, () => make(folder.at("a/b/file"), folder.at("a/c")));
    await Promise.all(starts);
    const made = Array.from(Deno.readDirSync(folder.at("a")), ({ name }) => `a/${name}`);
    assert(made.includes("a/c"));
    for (const name of ["a", ...made]) {
      assertEquals((await Deno.stat(folder.at(name))).uid, 65534, name);
    }
  },
);
