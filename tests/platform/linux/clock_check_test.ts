import { assertEquals } from "@std/assert";
import { openClockCheck } from "../../../src/platform/linux/clock_check.ts";
import type { ClockReadings } from "../../../src/core/clock.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { LINUX, testWith } from "../../support/requirements.ts";

openLibraries();

const HOUR_MS = 3_600_000;

/** Clocks of the kernel and of a runtime to which another library can lie. */
class Machine {
  kernel = { wallMs: 1000 * HOUR_MS, monotonicMs: 50 * HOUR_MS };
  runtime = { wallMs: 1000 * HOUR_MS, monotonicMs: 7 };
  /** Time for which the process does not run between two readings. */
  frozenMs = 0;

  pass(ms: number, shownMs = ms): void {
    this.kernel = add(this.kernel, ms);
    this.runtime = add(this.runtime, shownMs);
  }

  open() {
    return openClockCheck({
      runtime: () => this.runtime,
      kernel: () => {
        const now = this.kernel;
        this.pass(this.frozenMs);
        return now;
      },
    });
  }
}

function add({ wallMs, monotonicMs }: ClockReadings, ms: number): ClockReadings {
  return { wallMs: wallMs + ms, monotonicMs: monotonicMs + ms };
}

Deno.test("clocks that agree give no finding, also if the wall clock is set", () => {
  const machine = new Machine();
  const check = machine.open();
  assertEquals(check.look(), undefined);
  machine.pass(HOUR_MS);
  machine.kernel.wallMs -= 400 * HOUR_MS;
  machine.runtime.wallMs -= 400 * HOUR_MS;
  assertEquals(check.look(), undefined);
});

Deno.test("a process that is frozen between two readings gives no finding", () => {
  const machine = new Machine();
  const check = machine.open();
  machine.frozenMs = HOUR_MS;
  assertEquals(check.look(), undefined);
});

Deno.test("a clock that a library slows is found, with both readings", () => {
  const machine = new Machine();
  const check = machine.open();
  machine.pass(3000, 30);
  assertEquals(check.look(), undefined);
  machine.pass(HOUR_MS - 3000, HOUR_MS / 100 - 30);
  machine.runtime.wallMs = machine.kernel.wallMs;
  assertEquals(check.look(), {
    kind: "clock_replaced",
    message: "another clock is put under sentinel",
    evidence: "the time passed is 3600 s, the runtime shows 36 s",
  });
});

Deno.test("a time of day that differs from the kernel's is found", () => {
  const machine = new Machine();
  const check = machine.open();
  machine.runtime.wallMs -= HOUR_MS;
  assertEquals(
    check.look()?.evidence,
    "the time of day is 3600000 s, the runtime shows 3596400 s",
  );
});

testWith([LINUX], "this machine's clocks agree", () => {
  assertEquals(openClockCheck().look(), undefined);
});
