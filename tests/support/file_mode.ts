import { assertEquals } from "@std/assert";
import { IS_WINDOWS } from "./system.ts";

/** Checks a file's permissions, where files have such (chmod(1)). */
export async function assertMode(path: string, mode: number): Promise<void> {
  if (IS_WINDOWS) return;
  assertEquals((await Deno.stat(path)).mode! & 0o777, mode);
}
