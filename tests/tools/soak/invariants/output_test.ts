// Not on Windows: it starts POSIX programs.
import { assertEquals, assertMatch } from "@std/assert";
import { receive, type Watched } from "../../../../tools/soak/operators.ts";
import {
  checkOutput,
  checkRecorded,
  linesOf,
  type RecordedProcess,
} from "../../../../tools/soak/invariants/output.ts";

const WRITTEN = linesOf("t", 50);

async function watched(stdout: Uint8Array<ArrayBuffer>, code = 0): Promise<Watched> {
  const stderr = await receive(WRITTEN.stderr);
  return { id: "1", code, stdout: await receive(stdout), stderr };
}

function process(changes: Partial<RecordedProcess>): RecordedProcess {
  return {
    ...{
      id: "1",
      written: WRITTEN,
      recorded: WRITTEN,
      isWhole: true,
      isSettled: true,
      isRunning: false,
      watched: [],
    },
    ...changes,
  };
}

async function complaintOf(changes: Partial<RecordedProcess>): Promise<string> {
  const complaints = await checkOutput(process(changes));
  assertEquals(complaints.length, 1);
  return complaints[0]!;
}

/** Standard output with this done to it, and standard error as it was written. */
function streams(change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) {
  return { stdout: change(WRITTEN.stdout), stderr: WRITTEN.stderr };
}

const without = (from: number, to: number) => (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array([...bytes.subarray(0, from), ...bytes.subarray(to)]);

Deno.test("complete output is fine", async () => {
  const all = await watched(WRITTEN.stdout), cut = await watched(WRITTEN.stdout.slice(0, 33), 87);
  assertEquals(await checkOutput(process({ watched: [all, cut] })), []);
});

Deno.test("the record of a process that was stopped may end early", async () => {
  const recorded = streams((bytes) => bytes.slice(0, 70));
  assertEquals(await checkOutput(process({ recorded, isWhole: false })), []);
});

Deno.test("a process recorded as running after everything has stopped is reported", async () => {
  assertEquals(await complaintOf({ isRunning: true }), "process 1 is still said to run");
});

Deno.test("a lost byte is reported", async () => {
  const recorded = streams(without(40, 41));
  const complaint = await complaintOf({ recorded, isWhole: false });
  assertMatch(complaint, /stdout of process 1 is not recorded as it was written/);
});

Deno.test("a duplicated line is reported", async () => {
  const recorded = streams((bytes) => new Uint8Array([...bytes, ...bytes.subarray(-9)]));
  assertMatch(await complaintOf({ recorded }), /is not recorded as it was written/);
});

Deno.test("a process that ended and is not recorded completely is reported", async () => {
  const recorded = streams((bytes) => bytes.slice(0, -1));
  assertMatch(await complaintOf({ recorded }), /is recorded for 439 of 440 bytes/);
});

Deno.test("an operator that saw less than the end is reported", async () => {
  const seen = await watched(WRITTEN.stdout.slice(0, 33));
  assertMatch(await complaintOf({ watched: [seen] }), /was said to end at 33 of 440/);
});

Deno.test("an operator that saw less of a stopped process is reported", async () => {
  const recorded = streams((bytes) => bytes.slice(0, 70));
  const stopped = {
    recorded,
    isWhole: false,
    watched: [await watched(WRITTEN.stdout.slice(0, 33))],
  };
  assertMatch(await complaintOf(stopped), /was said to end at 33 of 70/);
  assertEquals(await checkOutput(process({ ...stopped, isSettled: false })), []);
});

Deno.test("an operator that saw more than is recorded is reported", async () => {
  const recorded = streams((bytes) => bytes.slice(0, 70));
  const seen = await watched(WRITTEN.stdout.slice(0, 71), 87);
  const complaint = await complaintOf({ recorded, isWhole: false, watched: [seen] });
  assertMatch(complaint, /was seen for 71 bytes, recorded for 70/);
});

Deno.test("an operator that saw other bytes is reported", async () => {
  const seen = await watched(without(5, 15)(WRITTEN.stdout), 87);
  assertMatch(await complaintOf({ watched: [seen] }), /was seen otherwise than recorded/);
});

Deno.test("a started process without a record is reported once", () => {
  const [one, two] = [{ id: "1" }, { id: "2" }];
  assertEquals(checkRecorded([one, two], [one, one]), []);
  assertEquals(checkRecorded([one], [two, two]), ["process 2 was started and is not recorded"]);
});

Deno.test("the lines are those that the program writes", async () => {
  const script = new URL("../../../fixtures/recorded_lines.sh", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command("/bin/sh", { args: [script, "t", "50"] })
    .output();
  assertEquals([stdout, stderr], [WRITTEN.stdout, WRITTEN.stderr]);
});
