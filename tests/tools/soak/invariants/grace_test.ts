import { assertEquals, assertMatch } from "@std/assert";
import {
  checkGrace,
  COVERED_HOURS,
  honoredHours,
  type HonoredLicense,
} from "../../../../tools/soak/invariants/grace.ts";

const hours = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

function license(
  { beats = [], ...changes }: Partial<Omit<HonoredLicense, "beats">> & { beats?: number[] },
): HonoredLicense {
  return {
    ...{ name: "run 1", graceHours: 24, honored: [], allowances: [], renewals: 0, ...changes },
    beats: beats.map((hour) => ({ hour, status: "ACTIVE" })),
  };
}

Deno.test("a license with heartbeats is honored indefinitely", () => {
  const beats = hours(0, 500).filter((hour) => hour % COVERED_HOURS === 0);
  assertEquals(checkGrace(license({ honored: hours(0, 500), beats })), []);
});

Deno.test("a license may be honored for its grace behind the last heartbeat", () => {
  assertEquals(checkGrace(license({ honored: hours(0, 24 + COVERED_HOURS), beats: [0] })), []);
});

Deno.test("a license honored beyond its grace in one outage is reported", () => {
  const honored = hours(0, 70);
  const [one, all, ...others] = checkGrace(license({ honored, beats: [0] }));
  assertMatch(one!, /run 1 was honored for 64 hours without the server from hour 7 on/);
  assertMatch(all!, /in all/);
  assertEquals(others, []);
});

Deno.test("a license that is honored without any heartbeat is reported", () => {
  assertEquals(checkGrace(license({ honored: hours(0, 70) })).length, 2);
});

Deno.test("a heartbeat that found the license suspended covers nothing", () => {
  const beats = [{ hour: 0, status: "ACTIVE" }, { hour: 40, status: "SUSPENDED" }];
  assertEquals(checkGrace({ ...license({ honored: hours(0, 70) }), beats }).length, 2);
});

Deno.test("a license that regains its grace with every outage is reported", () => {
  const honored = [...hours(0, 26), ...hours(100, 126), ...hours(200, 226)];
  const complaints = checkGrace(license({ honored, beats: [0, 100, 200] }));
  assertEquals(complaints.length, 1);
  assertMatch(complaints[0]!, /run 1 was honored for 60 hours without the server in all/);
});

Deno.test("the allowance of a fault in an outage counts only there", () => {
  const honored = hours(100, 145), beats = [100];
  assertEquals(
    checkGrace(license({ honored, beats, allowances: [{ hour: 120, hours: 20 }] })),
    [],
  );
  const earlier = checkGrace(license({ honored, beats, allowances: [{ hour: 5, hours: 20 }] }));
  assertEquals(earlier.length, 1);
});

Deno.test("output of the software after its Sentinel was killed does not count", () => {
  const log = "7 8 0 3\n7 8 1 4\n7 8 2 4\n7 8 3 9\n9 10 0 11\n";
  assertEquals(honoredHours(log, [{ pid: 7, fromHour: 2, toHour: 5 }]), [3, 4]);
});

Deno.test("a license that was deactivated has its grace again, but not in one outage", () => {
  const honored = [...hours(0, 30), ...hours(100, 130), ...hours(200, 230)], beats = [0, 100, 200];
  assertEquals(checkGrace(license({ honored, beats, renewals: 2 })), []);
  assertEquals(checkGrace(license({ honored, beats, renewals: 0 })).length, 1);
  assertEquals(checkGrace(license({ honored: hours(0, 70), beats: [0], renewals: 2 })).length, 1);
});
