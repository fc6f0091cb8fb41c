// Not on Windows: it starts POSIX programs.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ChecksumError, verifyChecksum } from "../../src/process/executable.ts";
import { launch, type LaunchedProcess, type LaunchOptions } from "../../src/process/launch.ts";
import { launchVerified } from "../../src/process/launch.ts";
import { linux } from "../../src/platform/linux/platform.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();
const platform = linux;

/** Exits with 7; has the size of the attacker's. */
const HONEST = "#!/bin/sh\nexit 7\n", EVIL = "#!/bin/sh\nexit 9\n";

async function writeProgram(path: string, text: string): Promise<string> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o755);
  return path;
}

/** A program that is verified, and the attacker's beside it. */
async function prepare(folder: TemporaryFolder, evil = EVIL) {
  const path = await writeProgram(folder.at("software"), HONEST);
  const evilPath = await writeProgram(folder.at("evil"), evil);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(HONEST));
  const verified = await verifyChecksum(path, new Uint8Array(digest).toHex(), platform);
  return { software: { path, args: [], env: {} }, evilPath, verified };
}

/** FIPS 180-4's of the empty message. */
const SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Until the kernel's clock, which ticks at least 100 times a second, gives a change another time. */
function waitForNextTick(): void {
  for (const now = Date.now(); Date.now() <= now + 20;);
}

Deno.test("launchVerified() launches the file that was verified", async () => {
  await using folder = await temporaryFolder();
  const { software, verified } = await prepare(folder);
  const child = await launchVerified(software, { verified, platform });
  assertEquals(await child.exited, { code: 7, signal: undefined });
});

/** Sets times to the nanosecond. */
function touch(...args: string[]): void {
  assert(new Deno.Command("touch", { args }).outputSync().success);
}

const SWAPS: [string, (software: string, evil: string) => void][] = [
  ["another file renamed over it", (software, evil) => Deno.renameSync(evil, software)],
  ["a symbolic link in its place", (software, evil) => {
    Deno.removeSync(software);
    Deno.symlinkSync(evil, software);
  }],
  ["its content rewritten and its time put back", (software, evil) => {
    touch("--reference", software, evil);
    waitForNextTick();
    Deno.writeTextFileSync(software, EVIL);
    touch("--reference", evil, software);
  }],
];

for (const [what, swap] of SWAPS) {
  Deno.test(`${what} after the check succeeds without the defense, and fails with it`, async () => {
    await using folder = await temporaryFolder();
    const { software, evilPath, verified } = await prepare(folder);
    swap(software.path, evilPath);
    const undefended = await launchVerified(software, { verified: undefined, platform });
    assertEquals(await undefended.exited, { code: 9, signal: undefined });
    const error = await assertRejects(
      () => launchVerified(software, { verified, platform }),
      ChecksumError,
    );
    assertEquals([error.code, error.message], [
      "software.changed",
      `software changed after its checksum was verified: ${software.path}`,
    ]);
  });
}

Deno.test("a file swapped in between the last check and the launch is killed", async () => {
  await using folder = await temporaryFolder();
  const { software, evilPath, verified } = await prepare(folder, "#!/bin/sh\nexec sleep 1000\n");
  let launched: LaunchedProcess | undefined;
  const attack = async (options: LaunchOptions) => {
    Deno.renameSync(evilPath, software.path);
    return launched = await launch(options);
  };
  await assertRejects(
    () => launchVerified(software, { verified, platform, launch: attack }),
    ChecksumError,
  );
  assertEquals(await launched!.exited, { code: 137, signal: "SIGKILL" });
});

Deno.test("verifyChecksum() accepts hex digits of either case", async () => {
  await using folder = await temporaryFolder();
  const path = await writeProgram(folder.at("software"), "");
  const verified = await verifyChecksum(path, SHA256_OF_NOTHING.toUpperCase(), platform);
  assertEquals(verified.path, path);
});

const UNVERIFIABLE: Readonly<Record<string, (path: string) => unknown>> = {
  "is not there": () => {},
  "is a folder": (path) => Deno.mkdirSync(path),
};

for (const [what, make] of Object.entries(UNVERIFIABLE)) {
  Deno.test(`verifyChecksum() says why a file that ${what} cannot be read`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("software");
    make(path);
    const { code, message } = await assertRejects(
      () => verifyChecksum(path, "0".repeat(64), platform),
      ChecksumError,
    );
    assertEquals(code, "software.unreadable");
    assertStringIncludes(message, `software cannot be read: ${path} (`);
  });
}

Deno.test("verifyChecksum() refuses a file that was created while it looked", async () => {
  await using folder = await temporaryFolder();
  const path = await writeProgram(folder.at("software"), "");
  const readFileVersion = () => undefined;
  const { code } = await assertRejects(
    () => verifyChecksum(path, SHA256_OF_NOTHING, { readFileVersion }),
    ChecksumError,
  );
  assertEquals(code, "software.changed");
});

Deno.test("a file that is missing at the launch counts as changed", async () => {
  await using folder = await temporaryFolder();
  const { software, verified } = await prepare(folder);
  await Deno.remove(software.path);
  await assertRejects(() => launchVerified(software, { verified, platform }), ChecksumError);
});
