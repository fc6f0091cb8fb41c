import { assertEquals, assertRejects } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { ChecksumError, verifyChecksum } from "../../src/process/executable.ts";
import { launch, type LaunchedProcess } from "../../src/process/launch.ts";
import { launchVerified } from "../../src/process/launch.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { testWith, WINDOWS } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

testWith([WINDOWS], "Windows: a file swapped in at the launch is ended", async () => {
  await using folder = await temporaryFolder();
  const platform = selectPlatform();
  const path = folder.at("software");
  await Deno.writeTextFile(path, "honest");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("honest"));
  const verified = await verifyChecksum(path, new Uint8Array(digest).toHex(), platform);
  let launched: LaunchedProcess | undefined;
  const attack = async () => {
    await Deno.writeTextFile(path, "the attacker's");
    const args = ["eval", "setTimeout(() => {}, 1e6)"];
    return launched = await launch({ path: Deno.execPath(), args, env: {} });
  };
  await assertRejects(
    () => launchVerified({ path, args: [], env: {} }, { verified, platform, launch: attack }),
    ChecksumError,
  );
  assertEquals(await launched!.exited, { code: 137, signal: undefined });
});
