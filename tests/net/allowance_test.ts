import { assertEquals } from "@std/assert";
import { Allowance } from "../../src/net/allowance.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("a peer has its allowance at once, then one more in each interval", async () => {
  const clock = new FakeClock();
  const allowance = new Allowance({ burst: 3, refillMs: 1_000, clock });
  const take = (peer = "a") => allowance.take(peer);
  assertEquals([take(), take(), take(), take()], [true, true, true, false]);
  assertEquals([allowance.waitMs("a"), allowance.waitMs("b")], [1_000, 0]);
  await clock.advance(999);
  assertEquals([take(), allowance.waitMs("a")], [false, 1]);
  await clock.advance(1);
  assertEquals([take(), take(), take("b")], [true, false, true]);
});

Deno.test("an allowance is whole again after a while, and no larger", async () => {
  const clock = new FakeClock();
  const allowance = new Allowance({ burst: 2, refillMs: 1_000, clock });
  assertEquals([allowance.take("a"), allowance.take("a")], [true, true]);
  await clock.advance(1_000_000);
  assertEquals([1, 2, 3].map(() => allowance.take("a")), [true, true, false]);
});
