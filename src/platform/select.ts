import { SentinelError } from "../core/errors.ts";
import type { Platform } from "./contract.ts";
import { linux } from "./linux/platform.ts";

/** Loaded on that system only, to keep the start fast. */
const macos: Platform | undefined = Deno.build.os === "darwin"
  ? (await import("./macos/platform.ts")).macos
  : undefined;
const windows: Platform | undefined = Deno.build.os === "windows"
  ? (await import("./windows/platform.ts")).windows
  : undefined;

/**
 * Returns the implementation for this system.
 *
 * @throws {SentinelError} `config.system` The system is not supported.
 */
export function selectPlatform(): Platform {
  if (Deno.build.os === "linux") return linux;
  const other = macos ?? windows;
  if (other !== undefined) return other;
  throw new SentinelError("config.system", `sentinel does not support ${Deno.build.os}`);
}
