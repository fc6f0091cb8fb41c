import { ifExistsSync } from "../../core/files.ts";
import { dirname } from "@std/path/posix";
import type { GroupSignal } from "../contract.ts";

const UTF8 = new TextEncoder();

/** Encodes text as a C string: UTF-8 with a final NUL. */
export function encodeCString(text: string): Uint8Array<ArrayBuffer> {
  return UTF8.encode(text + "\0");
}

/** Renames a file (rename(2)) and syncs its folder. */
export async function replaceFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncFolder(to);
}

/** Syncs the folder of a file (fsync(2)), so that changes of its names are durable. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(dirname(path));
  await folder.sync();
}

/** Signals the leader's process group (kill(2) with a negative pid); false if it does not exist (ESRCH). */
export function signalUnixGroup(leader: number, signal: GroupSignal): boolean {
  return ifExistsSync(() => (Deno.kill(-leader, signal), true)) ?? false;
}
