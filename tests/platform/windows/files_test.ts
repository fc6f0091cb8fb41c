import { assertEquals } from "@std/assert";
import { windows } from "../../../src/platform/windows/platform.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { testWith, WINDOWS } from "../../support/requirements.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

openLibraries();

testWith(
  [WINDOWS],
  "Windows: isWritable() asks for a folder and a file, and changes neither",
  async () => {
    await using folder = await temporaryFolder();
    const file = folder.at("file");
    await Deno.writeTextFile(file, "text");
    const paths = [folder.path, file, folder.at("missing")];
    assertEquals(paths.map(windows.isWritable), [true, true, false]);
    assertEquals(await Deno.readTextFile(file), "text");
    assertEquals([...Deno.readDirSync(folder.path)].length, 1);
  },
);
