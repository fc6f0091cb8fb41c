import { assertEquals } from "@std/assert";
import { LicenseServerFixture } from "../../support/license_server_fixture.ts";
import { makeMachine } from "../../support/test_machine.ts";
import { changeLicense } from "../../../src/license_server/administration.ts";
import { noteBeats, readBeats } from "../../../tools/soak/vendor_facts.ts";

const HOUR_MS = 3_600_000;

Deno.test("the database notes each heartbeat with its hour and what the vendor had decided", async () => {
  await using desk = await LicenseServerFixture.open();
  await desk.register("K1", { expiry_date: "2999-12-31" });
  desk.clock.setWall(new Date(Date.now() + 3 * HOUR_MS).toISOString());
  const machine = await makeMachine();
  await desk.activate(machine);
  noteBeats(desk.path);
  await desk.beat(machine);
  desk.clock.skip(2 * HOUR_MS);
  await desk.beat(machine);
  await changeLicense(desk.store, "suspend", {
    licenseKey: "K1",
    origin: { atMs: 0, actor: "test" },
  });
  desk.clock.skip(HOUR_MS);
  await desk.beat(machine);
  assertEquals(readBeats(desk.path), [
    { licenseKey: "K1", hour: 3, status: "ACTIVE" },
    { licenseKey: "K1", hour: 5, status: "ACTIVE" },
    { licenseKey: "K1", hour: 6, status: "SUSPENDED" },
  ]);
});
