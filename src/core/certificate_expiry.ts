import { X509Certificate } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";

const DAY_MS = 86_400_000;

/** Warn 30 days before expiry, or in the last quarter of the validity period if that is shorter. */
const NOTICE_MS = 30 * DAY_MS, NOTICE_SHARE = 1 / 4;

/** A certificate to watch for expiry. */
export interface RenewableCertificate {
  /** Its name in the log, such as `CA certificate`. */
  readonly what: string;
  readonly path: string;
  readonly pem: string;
}

/** Warns if a certificate has expired or expires soon. Ignores one that cannot be parsed; its user reports that. */
export function warnOfExpiry(
  { what, path, pem }: RenewableCertificate,
  { nowMs, log }: { nowMs: number; log: Logger },
): void {
  const validity = readValidity(pem);
  if (validity === undefined) return;
  const { fromMs, toMs } = validity;
  if (nowMs < toMs - Math.min(NOTICE_MS, (toMs - fromMs) * NOTICE_SHARE)) return;
  const end = new Date(toMs).toISOString();
  if (nowMs <= toMs) log.warn(`${what} expires at ${end}: renew it (${path})`);
  else log.warn(`${what} expired at ${end}: renew it (${path})`);
}

/** Checks a server's certificates with {@linkcode warnOfExpiry} at once and then daily. */
export class ExpiryWatch implements Disposable {
  #stop = new AbortController();

  constructor(readonly deps: { readonly clock: Clock; readonly log: Logger }) {}

  /** Replaces the certificates to watch. */
  watch(certificates: readonly RenewableCertificate[]): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    void this.#watch(certificates, this.#stop.signal);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #watch(certificates: readonly RenewableCertificate[], signal: AbortSignal): Promise<void> {
    const { clock, log } = this.deps;
    while (!signal.aborted) {
      for (const each of certificates) warnOfExpiry(each, { nowMs: clock.wallMs(), log });
      await clock.sleep(DAY_MS, signal);
    }
  }
}

function readValidity(pem: string): { fromMs: number; toMs: number } | undefined {
  try {
    const { validFromDate, validToDate } = new X509Certificate(pem);
    return { fromMs: validFromDate.getTime(), toMs: validToDate.getTime() };
  } catch {
    return undefined;
  }
}
