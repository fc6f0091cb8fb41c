import type { WrittenCertificate } from "../compose_pki.ts";

/** More is a mistake, or a CA for eternity. */
const MAX_DAYS = 36_500;

/** What `--days` may be. */
export const DAYS_RANGE = { min: 1, max: MAX_DAYS };

/** What a command says about certificate and key that it wrote. */
export function describeWritten(
  { certificatePath, keyPath, validUntil }: WrittenCertificate,
  { json }: { json: boolean },
): string {
  const until = validUntil.toISOString().replace(".000", "");
  if (json) {
    return JSON.stringify({ certificate: certificatePath, key: keyPath, valid_until: until });
  }
  const lines = [`certificate written to ${certificatePath} (valid until ${until.slice(0, 10)})`];
  return [...lines, ...(keyPath === undefined ? [] : [`key written to ${keyPath}`])].join("\n");
}
