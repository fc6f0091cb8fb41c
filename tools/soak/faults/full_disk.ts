import { systemClock } from "../../../src/core/clock.ts";
import type { DiskName } from "../system.ts";
import { between, type FaultKind, pick } from "./fault.ts";

const SHORTEST_MS = 500, LONGEST_MS = 6_000;

/** Nothing more can be written where states, processes' output or the vendor's database are. */
export const fullDisk: FaultKind = {
  weight: 2,
  draw({ random }) {
    const name = pick<DiskName>(["customers", "vendor", "daemon"], random);
    const ms = between(SHORTEST_MS, LONGEST_MS, random);
    return {
      words: `disk of ${name} full for ${ms} ms`,
      whyNot: ({ disks }) => disks.get(name)!.whyEndless,
      async inflict(system, signal) {
        const fromHour = system.time.hour;
        const free = await system.disks.get(name)!.fill();
        await systemClock.sleep(ms, signal);
        await free();
        if (name === "vendor") return;
        const runs = name === "customers" ? system.runs : [system.daemon];
        for (let hour = fromHour; hour <= system.time.hour; hour++) {
          for (const { forgetfulHours } of runs) forgetfulHours.add(hour);
        }
      },
    };
  },
};
