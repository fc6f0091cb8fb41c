// Not on Windows: the software is a shell script.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assertEquals } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { assertFails, diagnose, snapshot } from "../support/diagnosis.ts";
import type { TemporaryFolder } from "../support/temporary_folder.ts";

/** What is done to a customer's files after a run, the line that tells, and the exit status. */
const FILE_FAULTS: [string, string, number, (folder: TemporaryFolder) => Promise<void>][] = [
  ["a damaged keystore", "keystore", 2, (folder) => damage(folder.at("state/keystore.bin"))],
  [
    "a salt cut short",
    "keystore",
    2,
    (folder) => Deno.truncate(folder.at("state/keystore.salt"), 5),
  ],
  ["a damaged state", "state", 2, (folder) => damage(folder.at("state/state.bin"))],
  [
    "a state folder that others may read",
    "permissions",
    86,
    (folder) => Deno.chmod(folder.at("state"), 0o755),
  ],
  [
    "a state file that others may read",
    "permissions",
    86,
    (folder) => Deno.chmod(folder.at("state/state.bin"), 0o644),
  ],
  [
    "a key that others may change",
    "permissions",
    86,
    (folder) => Deno.chmod(folder.at("org_public_key.pem"), 0o666),
  ],
  [
    "a socket folder that others may open",
    "socket",
    86,
    (folder) => Deno.chmod(folder.at("runtime/sentinel"), 0o755),
  ],
];

async function damage(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(path, bytes);
}

for (const [what, check, status, harm] of FILE_FAULTS) {
  Deno.test(`${what} fails the line ${check} and is not changed`, async () => {
    await using harness = await RunHarness.open();
    assertEquals((await harness.run("/bin/true")).code, 0);
    await harm(harness.folder);
    const before = await snapshot(harness.folder.at("state"));
    const { folder } = harness;
    const diagnosis = await diagnose([
      ...["--license", folder.at("K1.lic"), "--org-key", folder.at("org_public_key.pem")],
      ...["--state-dir", folder.at("state")],
    ], { XDG_RUNTIME_DIR: harness.folder.at("runtime") });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, status);
    assertEquals(await snapshot(harness.folder.at("state")), before);
  });
}
