import { kernel32 } from "../../ffi/kernel32.ts";
import { systemClock } from "../core/clock.ts";
import { wideText } from "./windows_text.ts";

/** winbase.h. */
const REPLACE_EXISTING = 0x1, WRITE_THROUGH = 0x8;

/** Somebody who looks at a file, a virus scanner for one, keeps it from being replaced for a moment. */
const ATTEMPTS = 20, PAUSE_MS = 25;

/** MoveFileExW, which returns once that is on the disk. */
export async function replaceFile(from: string, to: string): Promise<void> {
  const { MoveFileExW } = kernel32();
  for (let attempt = 1;; attempt++) {
    if (MoveFileExW(wideText(from), wideText(to), REPLACE_EXISTING | WRITE_THROUGH) !== 0) return;
    if (attempt === ATTEMPTS) throw new Error(`Cannot replace ${to}: somebody has it open`);
    await systemClock.sleep(PAUSE_MS);
  }
}
