import { assertEquals, assertMatch } from "@std/assert";
import { openTable } from "../../support/process_tables.ts";
import { POSIX, testWith } from "../../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary_folder.ts";
import { checkInvariants, type Seen } from "../../../tools/soak/check_invariants.ts";
import type { Life } from "../../../tools/soak/kept_program.ts";
import { receive, type Watched } from "../../../tools/soak/operators.ts";
import { LAUNCH_TOKEN_VARIABLE, type SystemUnderTest } from "../../../tools/soak/system.ts";
import type { Beat } from "../../../tools/soak/vendor_facts.ts";

const SCRIPT = new URL("../../fixtures/recorded_lines.sh", import.meta.url).pathname;
const MIB = 2 ** 20, HOURS = 60, SENTINEL = 7;

/** What a stopped system left to be looked at, for a test to break. */
interface Scene extends Seen {
  readonly folder: TemporaryFolder;
  readonly mark: string;
  life: Life;
  beats: Beat[];
  machines: number;
  readonly watched: Watched[];
  late: string[];
  memory: (sample: number) => number;
  /** Ended before the folder is removed. */
  readonly opened: AsyncDisposableStack;
}

const beat = (hour: number, status: string): Beat => ({ licenseKey: "K1", hour, status });

/** One license that was honored for {@linkcode HOURS} hours with a heartbeat in each, and one recorded process. */
async function prepareScene(folder: TemporaryFolder, opened: AsyncDisposableStack): Promise<Scene> {
  const lines = Array.from({ length: HOURS }, (_, hour) => `${SENTINEL} 8 ${hour} ${hour}\n`);
  await Deno.writeTextFile(folder.at("software.log"), lines.join(""));
  const id = await recordProcess(folder.at("records"));
  const { stdout, stderr } = await new Deno.Command("/bin/sh", { args: [SCRIPT, "t", "50"] })
    .output();
  return {
    ...{
      folder,
      opened,
      mark: crypto.randomUUID(),
      late: [],
      machines: 1,
      courses: [],
      memory: () => MIB,
    },
    life: {
      ...{ pid: SENTINEL, code: 0, fromHour: 0, toHour: HOURS, endedAtMs: 0 },
      ...{ wasKilled: false, wasStopped: true, tail: "" },
    },
    beats: Array.from({ length: HOURS }, (_, hour) => beat(hour, "ACTIVE")),
    watched: [{ id, code: 0, stdout: await receive(stdout), stderr: await receive(stderr) }],
  };
}

/** The id of a process that was recorded to its end. */
async function recordProcess(folder: string): Promise<string> {
  await using table = await openTable(folder);
  const { id } = await table.start({ command: "/bin/sh", args: [SCRIPT, "t", "50"], env: {} });
  await table.ended(id);
  return id;
}

async function changeRecord({ folder, watched: [watched] }: Scene, change: object): Promise<void> {
  const path = folder.at(`records/${watched!.id}/record.json`);
  const record = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...record, ...change }));
}

/** The complaints by invariant, of those that have any. */
async function complaintsOf(scene: Scene): Promise<Record<string, readonly string[]>> {
  const program = { name: "run 1", lives: [scene.life] };
  const run = {
    ...{ name: "run 1", program, terms: { licenseKey: "K1", graceDays: 1 } },
    ...{ allowances: [], renewals: 0, forgetfulHours: new Set() },
    softwareLog: () => Deno.readTextFile(scene.folder.at("software.log")),
  };
  const system = {
    ...{ folder: scene.folder, mark: scene.mark, records: scene.folder.at("records") },
    ...{ licensed: [run], programs: [program], operators: [{ watched: scene.watched }] },
    vendor: { beats: () => scene.beats, countMachines: () => scene.machines },
  };
  const samples = Array.from({ length: 60 }, (_, i) => ({
    atMs: i * 1_000,
    bytes: scene.memory(i),
  }));
  const findings = await checkInvariants(system as unknown as SystemUnderTest, {
    late: scene.late,
    courses: [{ name: "daemon", pid: 9, samples }],
  });
  assertEquals(findings.length, 8);
  return Object.fromEntries(
    findings.filter(({ complaints }) => complaints.length > 0)
      .map(({ invariant, complaints }) => [invariant, complaints]),
  );
}

function testScene(
  name: string,
  { change, invariant, complaint }: {
    change?: (scene: Scene) => void | Promise<void>;
    invariant?: string;
    complaint?: RegExp;
  },
): void {
  testWith([POSIX], name, async () => {
    await using folder = await temporaryFolder();
    await using opened = new AsyncDisposableStack();
    const scene = await prepareScene(folder, opened);
    await change?.(scene);
    const found = await complaintsOf(scene);
    assertEquals(Object.keys(found), invariant === undefined ? [] : [invariant]);
    if (complaint !== undefined) assertMatch(found[invariant!]!.join("\n"), complaint);
  });
}

testScene("a system in which every invariant holds has no complaints", {});

testScene("software that ran too long without the server is reported", {
  change: (scene) => void (scene.beats = [beat(0, "ACTIVE")]),
  invariant: "no license is honored beyond its grace",
  complaint: /^run 1 was honored for 53 hours without the server from hour 7 on/,
});

testScene("heartbeats of another license do not count", {
  change: (scene) =>
    void (scene.beats = scene.beats.map((beat) => ({ ...beat, licenseKey: "K2" }))),
  invariant: "no license is honored beyond its grace",
});

testScene("software that ran through a suspension is reported", {
  change: ({ beats }) =>
    void beats.splice(20, 10, ...[20, 21, 22].map((h) => beat(h, "SUSPENDED"))),
  invariant: "no license is honored once suspended",
  complaint: /^run 1 was told of its suspension by hour 22, and honored in 27$/,
});

testScene("a machine that took a second place is reported", {
  change: (scene) => void (scene.machines = 2),
  invariant: "each machine has one place",
  complaint: /^run 1 has 2 places on its license$/,
});

testScene("a record that is shorter than the output is reported", {
  change: (scene) => changeRecord(scene, { args: [SCRIPT, "t", "51"] }),
  invariant: "no output byte is lost or doubled",
  complaint: /is recorded for 440 of 449 bytes/,
});

testScene("a process that is still recorded as running is reported", {
  change: (scene) => changeRecord(scene, { state: "running" }),
  invariant: "no output byte is lost or doubled",
  complaint: /^process 1 is still said to run$/,
});

testScene("a record that differs from what an operator saw is reported", {
  change: ({ watched }) => void (watched[0] = { ...watched[0]!, stdout: watched[0]!.stderr }),
  invariant: "no output byte is lost or doubled",
  complaint: /was said to end at 44 of 440/,
});

testScene("a process without a record is reported", {
  change: ({ watched }) => void watched.push({ ...watched[0]!, id: "none" }),
  invariant: "no output byte is lost or doubled",
  complaint: /^process none was started and is not recorded$/,
});

testScene("a remaining socket is reported", {
  change: ({ folder }) => Deno.writeTextFile(folder.at("a.sock"), ""),
  invariant: "nothing is left",
  complaint: /^a file is left: .+\/a\.sock$/,
});

testScene("a held lock is reported", {
  async change({ folder, opened }) {
    const file = opened.use(await Deno.open(folder.at("records/lock"), { write: true }));
    await file.lock(true);
  },
  invariant: "nothing is left",
  complaint: /^a file is still locked: .+\/records\/lock$/,
});

testScene("a remaining process is reported", {
  change({ mark, opened }) {
    const env = { [LAUNCH_TOKEN_VARIABLE]: mark };
    opened.use(new Deno.Command("sleep", { args: ["1000"], env, stdin: "null" }).spawn());
  },
  invariant: "nothing is left",
  complaint: /^a process is left: sleep \(pid \d+\)$/,
});

testScene("growing memory is reported", {
  change: (scene) => void (scene.memory = (sample) => (100 + 2 * sample) * MIB),
  invariant: "memory is flat",
  complaint: /^memory of daemon \(pid 9\) grew from 120 to 218 MiB$/,
});

testScene("an end without a reason is reported", {
  change: (scene) => void (scene.life = { ...scene.life, code: 70 }),
  invariant: "programs end only for a reason",
  complaint: /^run 1 ended with status 70/,
});

testScene("a program that does not restart is reported", {
  change: ({ late }) => void late.push("run 1 is not ready: "),
  invariant: "everything runs again",
  complaint: /^run 1 is not ready: $/,
});
