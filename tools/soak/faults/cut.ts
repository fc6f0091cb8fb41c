import { systemClock } from "../../../src/core/clock.ts";
import type { Cut, CuttableNetwork } from "../cuttable_network.ts";
import type { SystemUnderTest } from "../system.ts";
import { between, type Draw, type FaultKind, pick } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

const SHORTEST_MS = 500, LONGEST_MS = 12_000;
const MOST_BYTES = 20_000;

/** The cut connections: all to the vendor, one of them, or the operators' to the daemon. */
function drawPlace(draw: Draw): string {
  return pick(["everyone", "operators", "operators", drawRun(draw), drawRun(draw)], draw.random);
}

function drawCut({ random }: Draw): Cut {
  const how = pick(["refuse", "halt", "break"] as const, random);
  return how === "break" ? { how, afterBytes: between(1, MOST_BYTES, random) } : { how };
}

function networksOf(system: SystemUnderTest, place: string): CuttableNetwork[] {
  if (place === "operators") return [system.operatorsNetwork];
  if (place === "everyone") return system.licensed.map(({ network }) => network);
  return [licensedOf(system, place)!.network];
}

function describe(cut: Cut): string {
  if (cut.how === "break") return `broken off after ${cut.afterBytes} bytes`;
  return cut.how === "halt" ? "halted" : "refused";
}

/** Connections are refused, stand still, or break off in the middle of a message. */
export const cut: FaultKind = {
  weight: 4,
  draw(draw) {
    const place = drawPlace(draw), how = drawCut(draw);
    const ms = between(SHORTEST_MS, LONGEST_MS, draw.random);
    return {
      words: `network of ${place} ${describe(how)} for ${ms} ms`,
      async inflict(system, signal) {
        const ends = networksOf(system, place).map((network) => network.cut(how));
        await systemClock.sleep(ms, signal);
        for (const end of ends) end();
      },
    };
  },
};
