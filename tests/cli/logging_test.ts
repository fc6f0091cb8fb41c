import { assertEquals, assertMatch } from "@std/assert";
import { createLogger, type FlushableLogger } from "../../src/cli/logging.ts";
import type { LogSettings } from "../../src/core/log.ts";

function recording(settings: Pick<LogSettings, "level" | "format">): [FlushableLogger, string[]] {
  const lines: string[] = [];
  return [createLogger({ ...settings, write: (line) => void lines.push(line) }), lines];
}

Deno.test("records below the level are not written, and the level may change at any time", async () => {
  const [log, lines] = recording({ level: "warn", format: "text" });
  log.info("before");
  log.warn("first");
  log.configure({ level: "debug" });
  log.debug("second");
  log.configure({ level: "error" });
  log.warn("after");
  await log.flush();
  assertEquals(lines.map((line) => line.replace(/^\S+ /, "")), [
    "WARNING: first",
    "DEBUG: second",
  ]);
});

Deno.test("records keep their order and format when the format changes between them", async () => {
  const [log, lines] = recording({ level: "info", format: "text" });
  log.info("as text {x}", { pid: 1, uid: undefined });
  log.configure({ format: "json" });
  log.info("as JSON", { pid: 2 });
  log.configure({ format: "text" });
  log.info("as text again");
  await log.flush();
  assertEquals(lines.length, 3);
  assertMatch(lines[0]!, /^\S+ INFO: as text \{x\} \(pid: 1\)$/);
  const { message, properties } = JSON.parse(lines[1]!);
  assertEquals([message, properties], ["as JSON", { pid: 2 }]);
  assertMatch(lines[2]!, /INFO: as text again$/);
});

Deno.test("a line break in a record or in its fields forges no record", async () => {
  const [log, lines] = recording({ level: "info", format: "text" });
  log.info("license K\n2026-01-01 ERROR: forged", { customer: "a\u2028b\u001b[2J" });
  await log.flush();
  assertEquals(lines.map((line) => line.replace(/^\S+ /, "")), [
    "INFO: license K\\n2026-01-01 ERROR: forged (customer: a\\u2028b\\u001b[2J)",
  ]);
});

Deno.test("a failure to write the log affects nothing else", async () => {
  const log = createLogger({
    level: "info",
    format: "text",
    write() {
      throw new Error("no room");
    },
  });
  log.info("one");
  log.configure({ format: "json" });
  log.info("another");
  await log.flush();
});
