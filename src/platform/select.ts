import { SentinelError } from "../core/errors.ts";
import type { Platform } from "./contract.ts";
import { linux } from "./linux.ts";

/**
 * The system that we run on.
 *
 * @throws {SentinelError} `config.system` on a system that is not supported.
 */
export function selectPlatform(): Platform {
  if (Deno.build.os === "linux") return linux;
  throw new SentinelError("config.system", `sentinel does not run on ${Deno.build.os} yet`);
}
