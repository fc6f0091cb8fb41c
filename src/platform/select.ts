import { SentinelError } from "../core/errors.ts";
import type { Platform } from "./contract.ts";
import { linux } from "./linux/platform.ts";

/** Another system's code is loaded only there, as every start would pay for it. */
const macos: Platform | undefined = Deno.build.os === "darwin"
  ? (await import("./macos/platform.ts")).macos
  : undefined;
const windows: Platform | undefined = Deno.build.os === "windows"
  ? (await import("./windows/platform.ts")).windows
  : undefined;

/**
 * The system that we run on.
 *
 * @throws {SentinelError} `config.system` on a system that is not supported.
 */
export function selectPlatform(): Platform {
  if (Deno.build.os === "linux") return linux;
  const other = macos ?? windows;
  if (other !== undefined) return other;
  throw new SentinelError("config.system", `sentinel does not run on ${Deno.build.os} yet`);
}
