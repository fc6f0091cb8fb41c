import { SentinelError } from "../core/errors.ts";
import type { Platform } from "./contract.ts";
import { linux } from "./linux.ts";
import { macos } from "./macos.ts";

/**
 * The system that we run on.
 *
 * @throws {SentinelError} `config.system` on a system that is not supported.
 */
export function selectPlatform(): Platform {
  if (Deno.build.os === "linux") return linux;
  if (Deno.build.os === "darwin") return macos;
  throw new SentinelError("config.system", `sentinel does not run on ${Deno.build.os} yet`);
}
