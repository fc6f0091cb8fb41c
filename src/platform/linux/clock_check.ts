import { type ClockReadings, readRuntimeClocks } from "../../core/clock.ts";
import type { TamperDetection } from "../contract.ts";
import { readKernelClocks } from "./syscalls.ts";

/** The same clocks, as the runtime and as the kernel show them. */
export interface ClockSources {
  readonly runtime: () => ClockReadings;
  readonly kernel: () => ClockReadings;
}

const systemSources: ClockSources = {
  runtime: readRuntimeClocks,
  kernel: readKernelClocks,
};

/** Far more than the readings differ by, even if the process waits in between. */
const TOLERANCE_MS = 5000;

/** Compares the runtime's clocks with the kernel's, from now on. */
export function openClockCheck(
  { runtime, kernel }: ClockSources = systemSources,
): { look(): TamperDetection | undefined } {
  const since = { runtime: runtime().monotonicMs, kernel: kernel().monotonicMs };
  return {
    look() {
      // the process may be frozen between two readings, so the runtime's is held against those around it
      const before = kernel(), { wallMs, monotonicMs } = runtime(), after = kernel();
      const passedMs = monotonicMs - since.runtime;
      const shownWrong = [
        describeDifference("the time passed", passedMs, {
          fromMs: before.monotonicMs - since.kernel,
          toMs: after.monotonicMs - since.kernel,
        }),
        describeDifference("the time of day", wallMs, {
          fromMs: before.wallMs,
          toMs: after.wallMs,
        }),
      ].filter((difference) => difference !== undefined);
      return shownWrong.length === 0 ? undefined : {
        kind: "clock_replaced",
        message: "another clock is put under sentinel",
        evidence: shownWrong.join(", "),
      };
    },
  };
}

function describeDifference(
  name: string,
  shownMs: number,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): string | undefined {
  if (shownMs >= fromMs - TOLERANCE_MS && shownMs <= toMs + TOLERANCE_MS) return undefined;
  const seconds = (ms: number) => (ms / 1000).toFixed();
  return `${name} is ${seconds(toMs)} s, the runtime shows ${seconds(shownMs)} s`;
}
