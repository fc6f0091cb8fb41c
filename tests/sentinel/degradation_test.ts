import { assertEquals, assertInstanceOf } from "@std/assert";
import { exitCodeOf } from "../../src/cli/exit_codes.ts";
import type { DegradeStage } from "../../src/ipc/degradation.ts";
import { Degradation, TamperError } from "../../src/sentinel/degradation.ts";

Deno.test("every stage is told, and crash alone ends the run, with 137", async () => {
  const stages: DegradeStage[] = [];
  const degradation = new Degradation((stage) => stages.push(stage));
  let ended = false;
  const watch = degradation.watch(new AbortController().signal).finally(() => ended = true);
  for (const stage of ["warnings", "errors", "slowdown", "normal"] as const) {
    degradation.setStage(stage);
    await Promise.resolve();
    assertEquals(ended, false);
  }
  degradation.setStage("crash");
  const error = await watch;
  assertInstanceOf(error, TamperError);
  assertEquals(exitCodeOf(error), 137);
  assertEquals(stages, ["warnings", "errors", "slowdown", "normal", "crash"]);
});

Deno.test("a crash before the software runs ends it as soon as it is watched", async () => {
  const degradation = new Degradation(() => {});
  degradation.setStage("crash");
  assertInstanceOf(await degradation.watch(new AbortController().signal), TamperError);
});

Deno.test("without a crash the watch ends when it is told to, also before it began", async () => {
  const degradation = new Degradation(() => {});
  const stop = new AbortController();
  const watch = degradation.watch(stop.signal);
  stop.abort();
  assertEquals(await watch, undefined);
  assertEquals(await degradation.watch(stop.signal), undefined);
});
