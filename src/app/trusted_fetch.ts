import type { TrustedFetch } from "../activation/trusted_fetch.ts";

/**
 * A `fetch` that trusts a file's certificates besides the usual ones; loaded only where one is named.
 *
 * @throws {CaFileError}
 */
export async function trustedFetch(caFile: string | undefined): Promise<TrustedFetch | undefined> {
  if (caFile === undefined) return undefined;
  const { openTrustedFetch } = await import("../activation/trusted_fetch.ts");
  return await openTrustedFetch(caFile);
}
