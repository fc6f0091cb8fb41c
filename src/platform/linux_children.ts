import { libc } from "../../ffi/libc.ts";

/** prctl(2), <linux/prctl.h>. */
const PR_SET_CHILD_SUBREAPER = 36;

/** waitid(2), <linux/wait.h>. */
const P_ALL = 0, WNOHANG = 1, WEXITED = 4, WNOWAIT = 0x0100_0000;

/** sizeof(siginfo_t), <bits/types/siginfo_t.h>. */
const SIGINFO_BYTES = 128, SI_PID_AT = 16;

/** Orphans among our descendants become children of ours instead of init's (PR_SET_CHILD_SUBREAPER). */
export function adoptOrphans(): void {
  libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
}

/** Whether there is any child; leaves those that have ended to whoever waits for them (WNOWAIT). */
export function hasChildren(): boolean {
  return peek(new Uint8Array(SIGINFO_BYTES));
}

/** A child that has ended and was not waited for, in no order; siginfo_t.si_pid is 0 where there is none (waitid(2)). */
export function endedChild(): number | undefined {
  const info = new Uint8Array(SIGINFO_BYTES);
  const pid = peek(info) ? new DataView(info.buffer).getInt32(SI_PID_AT, true) : 0;
  return pid === 0 ? undefined : pid;
}

function peek(info: Uint8Array<ArrayBuffer>): boolean {
  return libc().waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) === 0;
}
