import { assertEquals } from "@std/assert";
import { findFaults } from "../../src/app/doctor.ts";
import { fail } from "../../src/doctor/diagnostic.ts";

const missing = fail("software", "missing", { advice: "mend it", code: "launch.not_found" });

for (
  const [what, code, first] of [
    ["a socket folder that others may open", "permission.ipc_path", "software"],
    ["a socket path that is too long", "config.ipc_path", "socket"],
  ] as const
) {
  Deno.test(`of missing software and ${what}, ${first} is what a run ends with`, () => {
    const socket = fail("socket", what, { advice: "mend it", code });
    assertEquals(findFaults([socket, missing]).obstacle?.check, first);
  });
}
