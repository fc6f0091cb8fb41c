import { assertEquals, assertStrictEquals } from "@std/assert";
import { SentinelError, unwrapError } from "../../src/core/errors.ts";
import { StartUpError } from "../../src/daemon/detach.ts";

const FULL = new SentinelError("config.data_dir", "data folder cannot be used");

/** Fails, and so does the closing of each of two things that were open. */
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

Deno.test("unwrapError() is what was thrown before closing failed, too", () => {
  const thrown = thrownBy(failThrice);
  assertEquals(thrown instanceof SuppressedError, true);
  assertStrictEquals(unwrapError(thrown), FULL);
  assertStrictEquals(unwrapError(FULL), FULL);
});

Deno.test("a start-up that failed twice tells why it failed at first, with its exit status", () => {
  const { message, code } = new StartUpError("core", thrownBy(failThrice));
  assertEquals(message, "start-up failed (core): data folder cannot be used");
  assertEquals(code, "config.data_dir");
});
