import { SentinelError } from "../core/errors.ts";

/** The first release of the runtime whose TLS servers check clients' certificates at all. */
const FIRST_SAFE = [2, 7, 14] as const;

/**
 * Refuses a runtime that lets everybody in.
 *
 * @param version Of the runtime, such as `2.9.6`.
 * @throws {SentinelError} `config.runtime`.
 */
export function requireClientVerification(version: string): void {
  const parts = version.split(/[.+-]/).slice(0, 3).map(Number);
  for (const [i, least] of FIRST_SAFE.entries()) {
    const part = parts[i] ?? NaN;
    if (part > least) return;
    if (part < least || Number.isNaN(part)) throw tooOld(version);
  }
}

function tooOld(version: string): SentinelError {
  return new SentinelError(
    "config.runtime",
    `this runtime does not verify client certificates: Deno ${
      FIRST_SAFE.join(".")
    } or later is needed, ` +
      `this is ${version}`,
  );
}
