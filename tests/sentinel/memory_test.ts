import { assertLess } from "@std/assert";
import { readHeap, runMarathon } from "../support/heartbeat_marathon.ts";

/** Code that gets warm costs about a fifth of this by then. */
const ALLOWED_BYTES_PER_HEARTBEAT = 512;

Deno.test("hundreds of heartbeats leave nothing behind in memory", async () => {
  const stops = [1000, 1200];
  const [early, late] = await runMarathon({
    stops,
    look: readHeap,
    tickMs: 1,
    v8Flags: "--expose-gc",
  });
  assertLess((late! - early!) / (stops[1]! - stops[0]!), ALLOWED_BYTES_PER_HEARTBEAT);
});
