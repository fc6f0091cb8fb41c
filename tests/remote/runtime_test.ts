// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertThrows } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { requireClientVerification } from "../../src/remote/tls_material.ts";

for (const version of ["2.7.14", "2.7.15", "2.8.0", "2.9.6", "3.0.0", "2.10.0-rc.1"]) {
  Deno.test(`Deno ${version} verifies client certificates`, () => {
    requireClientVerification(version);
  });
}

for (const version of ["2.7.13", "2.4.2", "1.99.99", "2.7", "", "x"]) {
  Deno.test(`Deno ${version || "of no version"} is refused`, () => {
    const error = assertThrows(() => requireClientVerification(version), SentinelError);
    assertEquals(error.code, "config.runtime");
  });
}
