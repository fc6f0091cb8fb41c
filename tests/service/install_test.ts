import { assertEquals, assertRejects } from "@std/assert";
import { createOwnershipMark, ServiceError } from "../../src/service/owner.ts";
import { installService, uninstallService } from "../../src/service/install.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const CONFIG = "/etc/rocket.toml";
const TEXT = `# ${createOwnershipMark(CONFIG)}\n`;

const install = (path: string) =>
  installService("systemd", { path, text: TEXT, configPath: CONFIG });
const uninstall = (path: string) => uninstallService(path, CONFIG);

/** The error's code, and its message without the system's words. */
async function refusalOf(action: () => Promise<unknown>): Promise<[string, string]> {
  const { code, message } = await assertRejects(action, ServiceError);
  return [code, message.split(" (")[0]!];
}

testWith([POSIX], "a service's file that cannot be read is kept", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("x.service");
  await Deno.mkdir(path);
  const refusal: [string, string] = ["config.service", `${path} cannot be read`];
  assertEquals(await refusalOf(() => install(path)), refusal);
  assertEquals(await refusalOf(() => uninstall(path)), refusal);
});

Deno.test("a service's file cannot be written in a missing folder", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("nowhere/x.service");
  assertEquals(await refusalOf(() => install(path)), [
    "config.service",
    `${path} cannot be written`,
  ]);
});

testWith(
  [NEEDS_ROOT],
  "a service's file that a full disk refuses leaves nothing behind",
  async () => {
    await using folder = await temporaryFolder();
    await using _disk = await mountDisk(folder.path, "size=4k");
    await Deno.writeFile(folder.at("all of it"), new Uint8Array(4096));
    const path = folder.at("x.service");
    assertEquals(await refusalOf(() => install(path)), [
      "config.service",
      `${path} cannot be written`,
    ]);
    assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["all of it"]);
  },
);

testWith([NEEDS_ROOT], "a service's file that cannot be removed says so and stays", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("x.service");
  await install(path);
  await bindReadOnly(folder);
  try {
    assertEquals(await refusalOf(() => uninstall(path)), [
      "config.service",
      `${path} cannot be removed`,
    ]);
  } finally {
    await runTool("umount", "--lazy", folder.path);
  }
  assertEquals(await Deno.readTextFile(path), TEXT);
});

async function bindReadOnly({ path }: TemporaryFolder): Promise<void> {
  await runTool("mount", "--bind", path, path);
  await runTool("mount", "-o", "remount,bind,ro", path);
}
