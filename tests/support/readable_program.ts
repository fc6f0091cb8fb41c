import type { ProgramOptions } from "./program.ts";
import { NEEDS_ROOT } from "./requirements.ts";

/**
 * Options for a program whose memory and descriptors a test looks at from another process: root may in any case, and the
 * program's user if it stays dumpable; ptrace(2).
 */
export const READABLE: Pick<ProgramOptions, "doubles"> = NEEDS_ROOT.met ? {} : {
  doubles: {
    "src/platform/linux/platform.ts": [["libc().prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);", ""]],
  },
};
