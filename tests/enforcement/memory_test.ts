import { assertLess } from "@std/assert";
import { readHeap, runMarathon } from "../support/heartbeat_marathon.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** Without a leak the median stays within 50; what one answer holds is about 750. */
const ALLOWED_BYTES_PER_HEARTBEAT = 256;

/** The heap of an interpreted program, which discards no code, is stable after some 200 heartbeats. */
const INTERPRETED =
  "--no-opt,--no-maglev,--no-sparkplug,--no-lazy-feedback-allocation,--no-flush-bytecode";

/** Every 50, so that what comes once and stays, up to 100 KB, is in one difference of five. */
const STOPS = [200, 250, 300, 350, 400, 450];

testWith([POSIX], "hundreds of heartbeats leak no memory", async () => {
  const heaps = await runMarathon({
    stops: STOPS,
    look: readHeap,
    tickMs: 1,
    v8Flags: `--expose-gc,${INTERPRETED}`,
  });
  const growth = STOPS.slice(1).map((stop, i) => (heaps[i + 1]! - heaps[i]!) / (stop - STOPS[i]!));
  const median = growth.toSorted((a, b) => a - b)[Math.floor(growth.length / 2)]!;
  assertLess(median, ALLOWED_BYTES_PER_HEARTBEAT, `bytes a heartbeat: ${growth}`);
});
