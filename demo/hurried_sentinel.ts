/**
 * The real program with another clock: a pause of more than a minute, as there is between two heartbeats, takes a
 * second. Everything else, and every shorter pause, is as it is.
 */
import { main } from "../src/cli/main.ts";
import { type Clock, systemClock } from "../src/core/clock.ts";

const LONGEST_REAL_MS = 60_000, SHORTENED_MS = 1_000;

/** Makes the pause between two heartbeats 1.08 minutes, which is longer than all the time limits of a minute. */
const random = () => 0.9;

const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms > LONGEST_REAL_MS ? SHORTENED_MS : ms, signal),
};

Deno.exit(await main(Deno.args, { clock, random }));
