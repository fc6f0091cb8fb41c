import { LicenseError } from "./errors.ts";

/** Whether the text is a day of the calendar as `YYYY-MM-DD`. */
export function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(time) && utcDate(time) === text;
}

/** The day in UTC, `YYYY-MM-DD`, of a time in milliseconds since the Unix epoch. */
export function utcDate(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10);
}

/**
 * Checks a licence's dates, both ends inclusive.
 *
 * @throws {LicenseError} `license.not_yet_active` or `license.expired`.
 */
export function checkDates(
  license: { readonly issue_date: string; readonly expiry_date: string },
  wallMs: number,
): void {
  const today = utcDate(wallMs);
  if (today < license.issue_date) {
    throw new LicenseError(
      "license.not_yet_active",
      `license is not yet active (activates: ${license.issue_date})`,
    );
  }
  if (today > license.expiry_date) {
    throw new LicenseError(
      "license.expired",
      `license has expired (expiry: ${license.expiry_date})`,
    );
  }
}
