import { assertEquals, assertStrictEquals } from "@std/assert";
import { SentinelError, unwrapError } from "../../src/core/errors.ts";
import { StartUpError } from "../../src/daemon/detach.ts";

const FULL = new SentinelError("config.data_dir", "data folder cannot be used");

/** Fails, and so does closing each of two open resources. */
function failThrice(): void {
  using _outer = { [Symbol.dispose]: () => fail("outer") };
  using _inner = { [Symbol.dispose]: () => fail("inner") };
  throw FULL;
}

function fail(what: string): never {
  throw new Error(`${what} cannot be closed`);
}

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("unwrapError() returns the error that was thrown before closing failed", () => {
  const thrown = thrownBy(failThrice);
  assertEquals(thrown instanceof SuppressedError, true);
  assertStrictEquals(unwrapError(thrown), FULL);
  assertStrictEquals(unwrapError(FULL), FULL);
});

Deno.test("a start that fails twice reports the first error and its exit status", () => {
  const { message, code } = new StartUpError("core", thrownBy(failThrice));
  assertEquals(message, "start-up failed (core): data folder cannot be used");
  assertEquals(code, "config.data_dir");
});
