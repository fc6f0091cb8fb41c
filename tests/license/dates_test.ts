import { assertEquals, assertThrows } from "@std/assert";
import { checkDates, parsePayload } from "../../src/license/payload.ts";
import { LicenseError } from "../../src/license/errors.ts";
import { standardPayload } from "../support/license_server_fixture.ts";

const license = { issue_date: "2026-03-01", expiry_date: "2026-03-31" };

Deno.test("a license is valid on its first and on its last day, to the last millisecond in UTC", () => {
  checkDates(license, Date.parse("2026-03-01T00:00:00.000Z"));
  checkDates(license, Date.parse("2026-03-31T23:59:59.999Z"));
});

Deno.test("a license is not valid a millisecond before its first day or after its last", () => {
  assertThrows(
    () => checkDates(license, Date.parse("2026-02-28T23:59:59.999Z")),
    LicenseError,
    "license is not yet active (activates: 2026-03-01); dates are in UTC, and the clock shows " +
      "2026-02-28 23:59 UTC: set it if it is behind",
  );
  assertThrows(
    () => checkDates(license, Date.parse("2026-04-01T00:00:00.000Z")),
    LicenseError,
    "license has expired (expiry: 2026-03-31); dates are in UTC, and it is 2026-04-01 00:00 UTC",
  );
});

Deno.test("a license's date must be a day of the calendar, written as YYYY-MM-DD", () => {
  const parse = (expiry_date: string) =>
    parsePayload(standardPayload("K1", { issue_date: "2024-01-01", expiry_date }));
  assertEquals(parse("2024-02-29").expiry_date, "2024-02-29");
  const malformed = "2026-02-29,2026-13-01,2026-00-10,26-01-01,2026-1-1,2026-01-01 ,10000-01-01";
  for (const text of malformed.split(",")) {
    assertThrows(() => parse(text), LicenseError, "expiry_date must be a date (YYYY-MM-DD)");
  }
});
