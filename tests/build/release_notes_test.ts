// Not on Windows: it is about the sources, which are the same there.
import { assertEquals } from "@std/assert";
import { findReleaseNotes } from "../../build/release_notes.ts";

const CHANGELOG =
  "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [1.1.0] - 2026-01-31\n\n### Added\n\n- it\n\n## [1.0.0]\n\n- first\n";

Deno.test("a release's notes are its section of the changelog", () => {
  assertEquals(findReleaseNotes(CHANGELOG, "1.1.0"), "### Added\n\n- it");
  assertEquals(findReleaseNotes(CHANGELOG, "1.0.0"), "- first");
});

Deno.test("a version without a section has no notes", () => {
  assertEquals(findReleaseNotes(CHANGELOG, "1.1"), undefined);
});
