import { assertEquals } from "@std/assert";
import { describeFault } from "../../src/cli/exit_codes.ts";
import { getExitCode } from "../../src/cli/exit_codes.ts";
import { SentinelError } from "../../src/core/errors.ts";

/** From the contract. */
const STATUSES: Readonly<Record<string, number>> = {
  "usage": 2,
  "config.path": 2,
  "license.expired": 80,
  "refused.server": 81,
  "unreachable.server": 82,
  "hardware.mismatch": 83,
  "software.checksum": 84,
  "running.license": 85,
  "permission.peer": 86,
  "absent.socket": 87,
  "process.unknown": 88,
  "tamper.debugger": 137,
  "database.closed": 70,
};

for (const [code, status] of Object.entries(STATUSES)) {
  Deno.test(`an error with the code ${code} ends the program with ${status}`, () => {
    assertEquals(getExitCode(new SentinelError(code, "x")), status);
  });
}

for (const thrown of [new TypeError("x"), new Deno.errors.NotFound("x"), "x", undefined]) {
  Deno.test(`an unexpected value (${thrown}) is an internal error`, () => {
    assertEquals(getExitCode(thrown), 70);
  });
}

const MISSING_PERMISSIONS: [string, string][] = [
  [
    `Requires run access to "/bin/sh", run again with the --allow-run flag`,
    `permission denied: this sentinel was built without --allow-run for "/bin/sh"`,
  ],
  [
    `Requires ffi access, run again with the --allow-ffi flag`,
    "permission denied: this sentinel was built without --allow-ffi",
  ],
  [
    `Requires net access to "a.example:443", specify the required permissions during compilation using \`deno compile --allow-net\``,
    `permission denied: this sentinel was built without --allow-net for "a.example:443"`,
  ],
  ["Something else\nis not allowed", "Something else is not allowed"],
];

for (const [message, line] of MISSING_PERMISSIONS) {
  Deno.test(`a missing permission ("${message.split(",")[0]}") ends the program with 86`, () => {
    const error = new Deno.errors.NotCapable(message);
    assertEquals([getExitCode(error), describeFault(error)], [86, line]);
  });
}
