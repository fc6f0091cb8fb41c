import type { Host } from "../platform/host.ts";
import { checkDates, formatUtcDate, type License } from "../license/payload.ts";

const DAY_MS = 86_400_000;

/** How many days before a license's last day its end is announced. */
const ANNOUNCED_DAYS = [30, 14, 7, 3, 1];

/** A license that ends soon. */
export interface LicenseEnding {
  /** Days from today to the last day on which it is valid (UTC). */
  readonly days: number;
  /** `YYYY-MM-DD`. */
  readonly expiryDate: string;
}

/** Counts the days from today to the last day on which a license is valid (UTC); negative after it. */
export function countDaysLeft(expiryDate: string, nowMs: number): number {
  return Math.round((Date.parse(expiryDate) - Date.parse(formatUtcDate(nowMs))) / DAY_MS);
}

/** The announced day that each license has reached; a license that is proven again announces it no second time. */
export type AnnouncedDays = WeakMap<License, number>;

interface TermOptions extends Pick<Host, "log"> {
  readonly announced: AnnouncedDays;
  /** Returns the current time, milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** The time for which a license is valid. */
export class LicenseTerm {
  readonly #license: License;
  readonly #options: TermOptions;
  #onEnding: (ending: LicenseEnding) => void = () => {};

  constructor(license: License, options: TermOptions) {
    this.#license = license;
    this.#options = options;
  }

  get daysLeft(): number {
    return countDaysLeft(this.#license.expiry_date, this.#options.nowMs());
  }

  /** Calls `listener` whenever the end is announced. */
  onEnding(listener: (ending: LicenseEnding) => void): void {
    this.#onEnding = listener;
  }

  /** Announces the end at the first call if it is near, and on each of {@linkcode ANNOUNCED_DAYS}, once. */
  announce(): void {
    const days = this.daysLeft;
    const day = ANNOUNCED_DAYS.findLast((limit) => days <= limit);
    const { announced, log } = this.#options;
    if (day === undefined || day >= (announced.get(this.#license) ?? Infinity) || days < 0) return;
    announced.set(this.#license, day);
    const { license_key, expiry_date } = this.#license;
    log.warn(`license ${license_key} ends on ${expiry_date} (${days} days)`);
    this.#onEnding({ days, expiryDate: expiry_date });
  }

  /** @throws {LicenseError} The license is not valid today. */
  check(): void {
    checkDates(this.#license, this.#options.nowMs());
  }
}
