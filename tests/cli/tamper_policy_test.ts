import { assertEquals } from "@std/assert";
import { chooseTamperPolicy } from "../../src/cli/tamper_policy.ts";
import { TAMPER_POLICIES, type TamperPolicy } from "../../src/core/build_info.ts";
import { RecordingLog } from "../support/recording_log.ts";

function choose(vendor: TamperPolicy | undefined, file: TamperPolicy | undefined) {
  const log = new RecordingLog();
  return { policy: chooseTamperPolicy({ vendor, file }, log), lines: log.lines() };
}

for (const vendor of TAMPER_POLICIES) {
  for (const file of TAMPER_POLICIES) {
    const stricter = TAMPER_POLICIES.indexOf(file) > TAMPER_POLICIES.indexOf(vendor);
    const winner = stricter ? "the file's" : "the vendor's";
    Deno.test(`a vendor's ${vendor} and a file's ${file}: ${winner} counts`, () => {
      assertEquals(choose(vendor, file).policy, stricter ? file : vendor);
    });
  }
  Deno.test(`a file that names no policy leaves the vendor's ${vendor}, without a warning`, () => {
    assertEquals(choose(vendor, undefined), { policy: vendor, lines: [] });
  });
  Deno.test(`from source, the file's ${vendor} counts`, () => {
    assertEquals(choose(undefined, vendor), { policy: vendor, lines: [] });
  });
}

Deno.test("a weaker policy in the file is warned of", () => {
  assertEquals(choose("degrade", "report").lines, [
    'warn security.anti_tamper = "report" has no effect: the vendor\'s policy is "degrade"',
  ]);
});

Deno.test("from source, without a file, tampering degrades answers", () => {
  assertEquals(choose(undefined, undefined).policy, "degrade");
});
