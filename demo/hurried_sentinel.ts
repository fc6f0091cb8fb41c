/**
 * The real program with another clock: a delay of more than a minute, as between two heartbeats, takes a second. Shorter
 * delays, and everything else, are unchanged.
 */
import { main } from "../src/cli/main.ts";
import { type Clock, systemClock } from "../src/core/clock.ts";

const LONGEST_REAL_MS = 60_000, SHORTENED_MS = 1_000;

/** Makes the interval between two heartbeats 1.08 minutes, longer than every timeout of a minute. */
const random = () => 0.9;

const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms > LONGEST_REAL_MS ? SHORTENED_MS : ms, signal),
};

Deno.exit(await main(Deno.args, { clock, random }));
