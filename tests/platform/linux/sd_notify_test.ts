import { assertEquals } from "@std/assert";
import { notifyService } from "../../../src/platform/linux/sd_notify.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { POSIX, testWith } from "../../support/requirements.ts";

openLibraries();

const ADDRESSES: Readonly<Record<string, string>> = {
  "nowhere": "",
  "a name alone": "notify",
  "a path that is too long": `/${"x".repeat(200)}`,
  "a path without a listener": "/nonexistent/notify",
  "an unused abstract name": "@sentinel/test/nobody",
};

for (const [what, address] of Object.entries(ADDRESSES)) {
  testWith([POSIX], `notifyService() to ${what} returns false`, () => {
    assertEquals(notifyService(address, "READY=1"), false);
  });
}
