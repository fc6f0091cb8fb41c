import { kernel32 } from "../../ffi/kernel32.ts";

/** winnt.h: JobObjectExtendedLimitInformation, its size on 64-bit systems, and where its LimitFlags are. */
const EXTENDED_LIMITS = 9, LIMITS_BYTES = 144, FLAGS_AT = 16;
const KILL_ON_JOB_CLOSE = 0x2000, CURRENT_PROCESS = 0xFFFF_FFFF_FFFF_FFFFn;

let ownJob: bigint | undefined;

/**
 * Puts ourselves into a job that ends with us, and with it all that is in it: whatever we launch from now on is born into
 * it, and cannot outlive us, however we end. May be called again.
 */
export function enterOwnJob(): void {
  if (ownJob !== undefined) return;
  const { CreateJobObjectW, SetInformationJobObject, AssignProcessToJobObject } = kernel32();
  const job = CreateJobObjectW(null, null);
  const limits = new DataView(new ArrayBuffer(LIMITS_BYTES));
  limits.setUint32(FLAGS_AT, KILL_ON_JOB_CLOSE, true);
  if (job === 0n || SetInformationJobObject(job, EXTENDED_LIMITS, limits, LIMITS_BYTES) === 0) {
    throw new Error("Cannot make a job object");
  }
  if (AssignProcessToJobObject(job, CURRENT_PROCESS) === 0) {
    throw new Error("Cannot put ourselves into a job object");
  }
  ownJob = job;
}

/** Whether a process was born of us, at whatever remove. */
export function isInOwnJob(process: bigint): boolean {
  if (ownJob === undefined) return false;
  const isInside = new Int32Array(1);
  return kernel32().IsProcessInJob(process, ownJob, isInside) !== 0 && isInside[0] !== 0;
}
