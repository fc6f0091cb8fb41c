import type { ProgramOptions } from "./program.ts";
import type { Doubles } from "./doubles.ts";
import { NEEDS_ROOT } from "./requirements.ts";

/** A program that does not close its memory to other processes of its user; ptrace(2). */
export const READABLE_BY_USER: Doubles = {
  "src/platform/linux/platform.ts": [["libc().prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);", ""]],
};

/** Options for a program whose memory and descriptors a test looks at from another process: root may in any case. */
export const READABLE: Pick<ProgramOptions, "doubles"> = NEEDS_ROOT.met
  ? {}
  : { doubles: READABLE_BY_USER };
