import { assertEquals } from "@std/assert";
import { ExpiryWatch, warnOfExpiry } from "../../src/core/certificate_expiry.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { DAY_MS, madeAuthority, NOW_MS } from "../support/made_authority.ts";
import { RecordingLog } from "../support/recording_log.ts";

const CASES = [
  { days: 1000, gone: 969, says: undefined },
  {
    days: 1000,
    gone: 971,
    says: "warn certificate expires at 2033-02-25T12:00:00.000Z: renew it (p)",
  },
  { days: 40, gone: 29, says: undefined },
  {
    days: 40,
    gone: 31,
    says: "warn certificate expires at 2030-07-11T12:00:00.000Z: renew it (p)",
  },
  {
    days: 40,
    gone: 41,
    says: "warn certificate expired at 2030-07-11T12:00:00.000Z: renew it (p)",
  },
];

for (const { days, gone, says } of CASES) {
  Deno.test(`warnOfExpiry() after ${gone} of ${days} days: ${says ?? "no warning"}`, async () => {
    const { certificatePem: pem } = await madeAuthority({ days });
    const log = new RecordingLog();
    warnOfExpiry({ what: "certificate", path: "p", pem }, { nowMs: NOW_MS + gone * DAY_MS, log });
    assertEquals(log.lines(), says === undefined ? [] : [says]);
  });
}

Deno.test("warnOfExpiry() ignores a file without a certificate", () => {
  const log = new RecordingLog();
  warnOfExpiry({ what: "certificate", path: "p", pem: "none" }, { nowMs: NOW_MS, log });
  assertEquals(log.lines(), []);
});

Deno.test("ExpiryWatch checks daily, and after a reload only the new certificates", async () => {
  const clock = new FakeClock(new Date(NOW_MS).toISOString());
  const log = new RecordingLog();
  const [{ certificatePem: old }, { certificatePem: renewed }] = [
    await madeAuthority({ days: 4 }),
    await madeAuthority({ days: 100 }),
  ];
  using watch = new ExpiryWatch({ clock, log });
  watch.watch([{ what: "certificate", path: "old", pem: old }]);
  const told: number[] = [];
  for (let day = 1; day <= 5; day++) {
    await clock.advance(DAY_MS);
    told.push(log.lines().length);
  }
  assertEquals(told, [0, 0, 1, 2, 3]);
  watch.watch([{ what: "certificate", path: "new", pem: renewed }]);
  await clock.advance(DAY_MS);
  assertEquals([log.lines().length, clock.sleeping], [3, 1]);
  watch[Symbol.dispose]();
  assertEquals(clock.sleeping, 0);
});
