import { ifExistsSync } from "../../core/files.ts";
import { dirname } from "@std/path/posix";
import type { GroupSignal } from "../contract.ts";

const UTF8 = new TextEncoder();

/** UTF-8 with its NUL, as C has text. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return UTF8.encode(text + "\0");
}

/** rename(2), kept by a sync of the folder (fsync(2)). */
export async function replaceFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncFolder(to);
}

/** Keeps what became of the names in the folder of a file. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(dirname(path));
  await folder.sync();
}

/** Signals the process group of a leader, kill(2) with a negative pid; false where there is none (ESRCH). */
export function signalUnixGroup(leader: number, signal: GroupSignal): boolean {
  return ifExistsSync(() => (Deno.kill(-leader, signal), true)) ?? false;
}
