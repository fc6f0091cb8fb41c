// Not on Windows: the software is a shell script.
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { encodePem } from "../../src/signing/pem.ts";
import { readEncrypted } from "../../src/state/state_file.ts";
import { createBoundKey } from "../../src/state/key_wrapping.ts";
import { RunHarness } from "../support/run_harness.ts";
import { searchMemory } from "../support/search_memory.ts";
import { startProgram } from "../support/program.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";
import { WITHOUT_CAPABILITIES } from "../support/without_capabilities.ts";

/** The keystore's content, as it stands in the buffer that the keys are read from. */
async function readKeystore(harness: RunHarness): Promise<Uint8Array<ArrayBuffer>> {
  const { machineId, userId } = selectPlatform();
  const salt = await Deno.readFile(harness.folder.at("state/keystore.salt"));
  const key = await createBoundKey({ kind: "derived", salt, machineId, userId: userId() }).unlock();
  const file = { path: harness.folder.at("state/keystore.bin"), name: "keystore", version: 1 };
  const opened = await readEncrypted(file, key);
  assert(opened.kind === "opened");
  return opened.content;
}

/** The line of a public key's PEM that has most of the key. */
function publicKeyLine(der: Uint8Array<ArrayBuffer>): string {
  return encodePem(der, "PUBLIC KEY").split("\n")[2]!;
}

testWith(
  [NEEDS_ROOT, needsProgram("python3")],
  "the buffers that the keys are read from are wiped: root finds none in the memory of a run",
  async () => {
    await using harness = await RunHarness.open();
    assertEquals((await harness.run("/bin/true")).code, 0);
    const software = await harness.script("software", "echo up; exec sleep 1000");
    await using run = harness.start(software);
    await run.stdout.match(/up/);
    const content = await readKeystore(harness);
    const privateKeyBytes = 2 + new DataView(content.buffer).getUint16(0);
    const stateKeyBytes = 2 + 32;
    const patterns = [
      // each with a length that stands beside it in the file, and nowhere else; what is freed loses its first bytes
      content.subarray(40, privateKeyBytes + 2),
      content.subarray(-stateKeyBytes),
      // what is no secret, and kept as text, shows that the search finds something
      new TextEncoder().encode(
        publicKeyLine(content.subarray(privateKeyBytes + 2, -stateKeyBytes)),
      ),
    ];
    const [privateKeys, stateKeys, publicKeys] = (await searchMemory(run.pid, { patterns }))!;
    assertEquals([privateKeys, stateKeys], [0, 0]);
    assertNotEquals(publicKeys, 0);
  },
);

testWith(
  [NEEDS_ROOT, needsProgram("python3"), needsProgram("setpriv")],
  "a process of the same user reads another program's memory, and not that of a run",
  async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script("software", "echo $$; exec sleep 1000");
    await Deno.mkdir(harness.folder.at("runtime"), { mode: 0o700 });
    await using run = startProgram(harness.runArguments(software), {
      env: {
        XDG_RUNTIME_DIR: harness.folder.at("runtime"),
        XDG_STATE_HOME: harness.folder.path,
      },
      wrapper: WITHOUT_CAPABILITIES,
    });
    const [pid] = await run.stdout.match(/\d+\n/);
    const options = { patterns: [Uint8Array.of(1)], wrapper: WITHOUT_CAPABILITIES };
    assertNotEquals(await searchMemory(Number(pid), options), undefined);
    assertEquals(await searchMemory(run.pid, options), undefined);
  },
);
