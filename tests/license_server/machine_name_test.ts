/** The name that a machine gives itself at an activation. */
import { assertEquals } from "@std/assert";
import { ACTIVATE_PATH } from "../../src/activation/messages.ts";
import { MACHINE_NAME_HEADER } from "../../src/activation/signed_request.ts";
import { LicenseServerFixture } from "../support/license_server_fixture.ts";
import { activateBody, makeMachine, type TestMachine } from "../support/test_machine.ts";

async function activateAs(
  fixture: LicenseServerFixture,
  machine: TestMachine,
  header: string,
): Promise<number> {
  const request = await fixture.sign(machine, ACTIVATE_PATH, { body: activateBody(machine, "K1") });
  const headers = { ...request.headers, [MACHINE_NAME_HEADER]: header };
  return (await fixture.post({ ...request, headers })).status;
}

function storedNames(fixture: LicenseServerFixture): unknown[] {
  return fixture.dump()["machines"]!.map((row) => (row as { name: unknown }).name);
}

for (const header of ["a%0Ab", "%FF", "100%", "n".repeat(256), "%1b%5B31m", ""]) {
  Deno.test(`an activation with the name ${header.slice(0, 20) || "''"} counts, and the name does not`, async () => {
    await using fixture = await LicenseServerFixture.open();
    await fixture.register("K1");
    assertEquals(await activateAs(fixture, await makeMachine(), header), 200);
    assertEquals(storedNames(fixture), [null]);
  });
}

Deno.test("a client that sends no name is activated, and keeps the name of an earlier activation", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  assertEquals((await fixture.activate(machine)).status, 200);
  assertEquals(storedNames(fixture), [null]);
  assertEquals(await activateAs(fixture, machine, "Pr%C3%BCfstand"), 200);
  assertEquals((await fixture.activate(machine)).status, 200);
  assertEquals(storedNames(fixture), ["Prüfstand"]);
});
