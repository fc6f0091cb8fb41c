import { assertEquals, assertRejects } from "@std/assert";
import type { SentinelError } from "../../src/core/errors.ts";
import { makeV1, readHardware } from "../../src/license/fingerprint.ts";
import { COMPONENTS, type FingerprintSources } from "../../src/platform/hardware.ts";
import { linux } from "../../src/platform/linux.ts";
import { runSentinel } from "../../src/sentinel/run.ts";
import { StopRequestSource } from "../../src/sentinel/stop_request.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { hardwareBoundPayload, makeOrganization } from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

/** A machine that tells everything of itself, which the one that runs the test may not; another one in each process. */
const MACHINE = crypto.randomUUID();
const SOURCES = Object.fromEntries(
  COMPONENTS.map((
    name,
  ) => [name, [{ place: name, read: () => ({ value: `${name} ${MACHINE}` }) }]]),
) as unknown as FingerprintSources;
const V1 = await makeV1(await readHardware(SOURCES));

const organization = await makeOrganization();

/** A run on that machine, whose software writes the socket's path to `path` and then does what the script says. */
async function startRun(
  folder: TemporaryFolder,
  { fingerprint, script, clock = new FakeClock() }: {
    fingerprint: string;
    script: string;
    clock?: FakeClock;
  },
) {
  const payload = { hardware_fingerprint: fingerprint, expiry_date: "2026-06-16" };
  const license = await organization.license(hardwareBoundPayload(payload));
  await Deno.writeTextFile(folder.at("a.lic"), license);
  const text = `#!/bin/sh\necho "$SENTINEL_IPC_SOCKET" > "${folder.at("path")}"\n${script}\n`;
  await Deno.writeTextFile(folder.at("software"), text, { mode: 0o755 });
  const log = new RecordingLog();
  const refuse = () => {
    throw new Error("Cannot be asked for in such a run");
  };
  const ended = runSentinel({
    licensePath: folder.at("a.lic"),
    softwarePath: folder.at("software"),
    softwareArgs: [],
    softwareEnv: {},
    workingDirectory: undefined,
    ipc: {},
    serverUrl: undefined,
    stateFolder: refuse,
  }, {
    // the test runner must not adopt other tests' orphans
    platform: {
      ...linux,
      adoptOrphans() {},
      fingerprintSources: () => Promise.resolve(SOURCES),
    },
    clock,
    random: () => 0.5,
    newUuid: () => crypto.randomUUID(),
    onSignal: () => () => {},
    fetch: refuse,
    log,
    verify: organization.verify,
    pid: Deno.pid,
    stopRequest: new StopRequestSource(),
    // no folder of the session: with it the path of a test would be longer than a socket's can be
    readVariable: () => undefined,
  });
  return { ended, log };
}

Deno.test("a v1 licence runs on its machine, its fingerprint being the socket's name", async () => {
  await using folder = await temporaryFolder();
  const { ended, log } = await startRun(folder, { fingerprint: V1, script: "exit 7" });
  assertEquals(await ended, 7);
  assertEquals(await Deno.readTextFile(folder.at("path")), `/tmp/sentinel-${V1}.sock\n`);
  assertEquals(log.lines(), []);
});

Deno.test("a v1 licence of another machine says that cpu, disk or machine_id differs", async () => {
  await using folder = await temporaryFolder();
  const { ended, log } = await startRun(folder, { fingerprint: "ab".repeat(32), script: "" });
  const error: SentinelError = await assertRejects(() => ended) as SentinelError;
  assertEquals([error.code, error.message], [
    "hardware.mismatch",
    "hardware fingerprint mismatch: this license is not valid for this machine",
  ]);
  assertEquals(log.lines(), ["warn hardware: cpu, disk or machine_id differs"]);
});

Deno.test("a licence that ends while the software runs ends the run", async () => {
  await using folder = await temporaryFolder();
  const clock = new FakeClock("2026-06-16T23:30:00Z");
  const script = "exec sleep 1000";
  const { ended } = await startRun(folder, { fingerprint: V1, script, clock });
  const rejected = assertRejects(() => ended) as Promise<SentinelError>;
  await clock.sleepers(1);
  let isOver = false;
  ended.catch(() => isOver = true);
  await clock.advance(3_600_000);
  // stopping the software takes time, too
  while (!isOver) await clock.advance(10);
  assertEquals((await rejected).code, "license.expired");
});
