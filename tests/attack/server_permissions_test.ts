/**
 * The attacker has found a way to run code of his choice in the license server. The code has the permissions that serving
 * needs: it starts no program and calls no library.
 */
import { assertEquals } from "@std/assert";
import type { Doubles } from "../support/doubles.ts";
import { startProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { setUpVendor } from "../support/vendor_setup.ts";

/** Code in the server that prints what it may do. */
const TAKEN_OVER: Doubles = {
  "src/license_server/keys.ts": [[
    "return sign;",
    `console.log(["run", "ffi", "sys", "net", "read", "write"].filter((name) =>
      Deno.permissions.querySync({ name: name as Deno.PermissionName }).state === "granted").join());
    return sign;`,
  ]],
};

/** The permissions that the attacker's code has. */
async function takeOver(doubles: Doubles = {}): Promise<string> {
  await using folder = await temporaryFolder();
  const { keyPath, database } = await setUpVendor(folder.path);
  await using program = startProgram(
    ["vendor", "serve", "--key", keyPath, "--database", database, "--port", "0"],
    { doubles: { ...TAKEN_OVER, ...doubles } },
  );
  const [, permissions] = await program.stdout.match(/^(.*)\nlistening on /);
  return permissions!;
}

Deno.test("code inside the license server can start no program and call no library", async () => {
  assertEquals(await takeOver(), "net,read,write");
  const careless: Doubles = {
    "src/app/key_guard.ts": [["if (!kept.includes(name))", "if (!name)"]],
  };
  assertEquals(await takeOver(careless), "run,ffi,sys,net,read,write", "the attack");
});
