import { EXIT } from "../../../src/cli/exit_codes.ts";
import type { Life } from "../kept_program.ts";

/** One end of a program. */
export interface Ending extends Pick<Life, "code" | "wasKilled" | "wasStopped" | "tail"> {
  readonly name: string;
}

/** Ends that faults explain: the status, and what is said of it. */
const EXPLAINED: readonly { readonly code: number; readonly words: RegExp }[] = [
  { code: 81, words: /activation refused|heartbeat refused|license is suspended/ },
  {
    code: 82,
    words: /grace period exhausted|cannot activate this machine|state cannot be saved for/,
  },
  { code: 2, words: /No space left on device|database or disk is full/ },
  // setting the clock back counts as tampering, which stops the software in the end
  { code: 137, words: /license answers are degraded: crash \(clock rollback detected\)/ },
];

const SIGKILL_STATUS = 137;

/** Whether a program ended in a way that no fault explains. */
export function checkEnding({ name, code, wasKilled, wasStopped, tail }: Ending): string[] {
  if (wasKilled && code === SIGKILL_STATUS) return [];
  if (wasStopped && code === EXIT.ok) return [];
  if (EXPLAINED.some((known) => known.code === code && known.words.test(tail))) return [];
  return [`${name} ended with status ${code}, having said:\n${tail.trimEnd()}`];
}
