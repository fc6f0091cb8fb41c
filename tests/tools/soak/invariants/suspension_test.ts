import { assertEquals } from "@std/assert";
import {
  checkSuspension,
  type SuspendedLicense,
} from "../../../../tools/soak/invariants/suspension.ts";

const hours = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

function check(license: Pick<SuspendedLicense, "honored" | "beats">): string[] {
  return checkSuspension({ name: "run 1", forgetfulHours: new Set(), ...license });
}

const suspended = (...hours: number[]) => hours.map((hour) => ({ hour, status: "SUSPENDED" }));
const active = (...hours: number[]) => hours.map((hour) => ({ hour, status: "ACTIVE" }));

Deno.test("a license that is honored until it learns of its suspension, and after reinstatement, is fine", () => {
  const beats = [...active(0, 2), ...suspended(4, 5, 7, 9), ...active(12)];
  const honored = [...hours(0, 6), ...hours(12, 20)];
  assertEquals(check({ honored, beats }), []);
});

Deno.test("a license whose software runs through its suspension is reported", () => {
  const beats = [...active(0, 2), ...suspended(4, 6, 8, 10, 12, 14), ...active(16)];
  assertEquals(check({ honored: hours(0, 20), beats }), [
    "run 1 was told of its suspension by hour 8, and honored in 13",
  ]);
});

Deno.test("a license that was not reinstated is reported, however late it is honored", () => {
  const beats = suspended(4, 6, 8);
  assertEquals(check({ honored: [400], beats }).length, 1);
});

Deno.test("two answers that may have been lost prove nothing", () => {
  const beats = [...active(0), ...suspended(2, 4)];
  assertEquals(check({ honored: hours(0, 20), beats }), []);
});

Deno.test("answers that could not be saved may have been forgotten", () => {
  const license = { name: "run 1", honored: hours(0, 20), beats: suspended(4, 6, 8) };
  assertEquals(checkSuspension({ ...license, forgetfulHours: new Set([8]) }), []);
  assertEquals(checkSuspension({ ...license, forgetfulHours: new Set([9]) }).length, 1);
});
