import { systemClock } from "../../../src/core/clock.ts";
import { selectPlatform } from "../../../src/platform/select.ts";
import type { KeptProgram } from "../kept_program.ts";

/** Resident memory of one start of a program, as it was seen again and again. */
export interface MemoryCourse {
  readonly name: string;
  readonly pid: number;
  readonly samples: readonly MemorySample[];
}

/** Milliseconds by the monotonic clock. */
export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

const SAMPLE_EVERY_MS = 2_000;

/** By then it has loaded what it works with. */
const WARM_AFTER_MS = 10_000;

const ALLOWED_FACTOR = 1.5, ALLOWED_BYTES = 32 * 2 ** 20;

/** Whether memory grew, from what it was once the program was warm to what it was last. */
export function checkMemory(course: MemoryCourse): string[] {
  const { name, pid, samples } = course;
  const warm = warmSample(course), last = samples.at(-1);
  if (warm === undefined || last === undefined) return [];
  const allowed = Math.max(warm.bytes * ALLOWED_FACTOR, warm.bytes + ALLOWED_BYTES);
  if (last.bytes <= allowed) return [];
  return [`memory of ${name} (pid ${pid}) grew from ${mebibytes(warm)} to ${mebibytes(last)} MiB`];
}

/** The first one of a program that is warm; `undefined` where it did not live that long. */
export function warmSample({ samples }: MemoryCourse): MemorySample | undefined {
  return samples.find(({ atMs }) => atMs - samples[0]!.atMs >= WARM_AFTER_MS);
}

function mebibytes({ bytes }: MemorySample): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Looks at the memory of programs until aborted. */
export async function watchMemory(
  programs: readonly KeptProgram[],
  signal: AbortSignal,
): Promise<MemoryCourse[]> {
  const control = await selectPlatform().processControl();
  const courses = new Map<number, { name: string; pid: number; samples: MemorySample[] }>();
  while (!signal.aborted) {
    for (const { name, pid } of programs) {
      const bytes = pid === undefined ? 0 : control.residentBytes(pid);
      if (pid === undefined || bytes === 0) continue;
      const course = courses.get(pid) ?? { name, pid, samples: [] };
      courses.set(pid, course);
      course.samples.push({ atMs: systemClock.monotonicMs(), bytes });
    }
    await systemClock.sleep(SAMPLE_EVERY_MS, signal);
  }
  return [...courses.values()];
}
