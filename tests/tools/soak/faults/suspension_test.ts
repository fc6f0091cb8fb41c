import { assertEquals } from "@std/assert";
import type { SystemUnderTest } from "../../../../tools/soak/system.ts";
import { suspension } from "../../../../tools/soak/faults/suspension.ts";

Deno.test("a license that is suspended is not suspended again", () => {
  const fault = suspension.draw({ random: () => 0, runs: 1 });
  const whyNot = (suspended: string) =>
    fault.whyNot!({
      licensed: [{ name: "run 1", terms: { licenseKey: "K1" } }],
      vendor: { isSuspended: (key: string) => key === suspended },
    } as unknown as SystemUnderTest);
  assertEquals([whyNot("K1"), whyNot("K2")], ["it is suspended already", undefined]);
});
