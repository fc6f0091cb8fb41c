import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SentinelError } from "../../src/core/errors.ts";
import { DECOMMISSION_ACK_PATH } from "../../src/activation/messages.ts";
import { describeLicenses } from "../../src/license_server/list.ts";
import { blockMachine, closeLicense } from "../../src/license_server/seats.ts";
import { CLIENT_ADDRESS, LicenseServerFixture } from "../support/license_server_fixture.ts";
import { heartbeatBody, makeMachine, type TestMachine } from "../support/test_machine.ts";
import type { WireAnswer } from "../support/wire_answer.ts";

const ORIGIN = { atMs: 0, actor: "test" };
const DAY_MS = 86_400_000;

/** A server with the license `K1`, and what the tests do there. */
class Seats extends AsyncDisposableStack {
  private constructor(readonly fixture: LicenseServerFixture) {
    super();
    this.use(fixture);
  }

  static async open(maxMachines = 2): Promise<Seats> {
    const fixture = await LicenseServerFixture.open();
    await fixture.register("K1", { max_machines: maxMachines });
    return new Seats(fixture);
  }

  close(isClosed: boolean): Promise<void> {
    return closeLicense(this.fixture.store, { licenseKey: "K1", isClosed }, ORIGIN);
  }

  block({ id: machineId }: TestMachine, isBlocked: boolean): Promise<void> {
    const request = { licenseKey: "K1", machineId, isBlocked };
    return blockMachine(this.fixture.store, request, ORIGIN);
  }

  async release(machine: TestMachine): Promise<WireAnswer> {
    const { license_key, machine_id } = heartbeatBody(machine, "K1");
    const body = { license_key, machine_id };
    return await this.fixture.post(
      await this.fixture.sign(machine, DECOMMISSION_ACK_PATH, { body }),
    );
  }

  /** The answer's status, or the refusal's code. */
  async activate(machine: TestMachine): Promise<unknown> {
    const { payload } = await this.fixture.activate(machine);
    return payload["code"] ?? payload["status"];
  }

  async beat(machine: TestMachine): Promise<unknown> {
    const { payload } = await this.fixture.beat(machine);
    return payload["code"] ?? payload["status"];
  }

  async list() {
    const { store, clock } = this.fixture;
    const [license] = await describeLicenses(store, await store.listLicenses(), clock.wallMs());
    return license!;
  }

  audited(): string[] {
    return this.fixture.dump()["audit"]!.map((row) => String((row as { action: string }).action));
  }
}

Deno.test("a closed license takes no new machine, and keeps those it has", async () => {
  await using seats = await Seats.open();
  const known = await makeMachine(), stranger = await makeMachine();
  await seats.activate(known);
  await seats.close(true);
  assertEquals(await seats.activate(stranger), "license_closed");
  assertEquals([await seats.beat(known), await seats.activate(known)], ["ACTIVE", "ACTIVE"]);
  assertEquals((await seats.list()).closed, true);
  await seats.close(false);
  assertEquals(await seats.activate(stranger), "ACTIVE");
  assertEquals(seats.audited().slice(2), [
    ...["license.closed", "license.reopened", "machine.activated"],
  ]);
});

Deno.test("a machine that gave its place back cannot return to a closed license", async () => {
  await using seats = await Seats.open();
  const machine = await makeMachine();
  await seats.activate(machine);
  await seats.release(machine);
  await seats.close(true);
  assertEquals(await seats.activate(machine), "license_closed");
});

Deno.test("a blocked machine stops, its place is free, and it cannot return", async () => {
  await using seats = await Seats.open(1);
  const thief = await makeMachine(), owner = await makeMachine();
  await seats.activate(thief);
  assertEquals(await seats.activate(owner), "machine_limit");
  await seats.block(thief, true);
  assertEquals(await seats.activate(owner), "ACTIVE");
  assertEquals(await seats.beat(thief), "DECOMMISSION_PENDING");
  assertEquals((await seats.release(thief)).payload["status"], "DECOMMISSIONED");
  assertEquals(await seats.activate(thief), "machine_blocked");
  assertEquals((await seats.list()).active_machines, 1);
});

Deno.test("an unblocked machine activates like a new one", async () => {
  await using seats = await Seats.open(1);
  const machine = await makeMachine(), other = await makeMachine();
  await seats.activate(machine);
  await seats.block(machine, true);
  await seats.block(machine, false);
  assertEquals(await seats.activate(machine), "ACTIVE");
  assertEquals(await seats.activate(other), "machine_limit");
  assertEquals(seats.audited().slice(1), [
    ...["machine.activated", "machine.blocked", "machine.unblocked", "machine.activated"],
  ]);
});

Deno.test("what is so already, or unknown, is one clear line", async () => {
  await using seats = await Seats.open();
  const machine = await makeMachine();
  const fails = (action: Promise<void>, why: string) =>
    assertRejects(() => action, SentinelError, why);
  await fails(seats.close(false), "license K1 is not closed");
  await seats.close(true);
  await fails(seats.close(true), "license K1 is already closed");
  await fails(seats.block(machine, true), "machine is not activated for license K1");
  const { store } = seats.fixture;
  const unknown = { licenseKey: "K2", isClosed: true };
  await fails(closeLicense(store, unknown, ORIGIN), "license not found: K2");
});

Deno.test("the list says where each machine's latest request came from", async () => {
  await using seats = await Seats.open();
  await seats.activate(await makeMachine());
  assertEquals((await seats.list()).machines.map(({ address }) => address), [CLIENT_ADDRESS]);
});

Deno.test("a machine that activates again changes nothing, so that no audit row is written", async () => {
  await using seats = await Seats.open();
  const machine = await makeMachine();
  for (let i = 0; i < 20; i++) assertEquals(await seats.activate(machine), "ACTIVE");
  assertEquals(seats.audited(), ["license.registered", "machine.activated"]);
});

Deno.test("a license's activations are limited each day, and those of its machines are free", async () => {
  await using seats = await Seats.open();
  const { fixture } = seats;
  const machine = await makeMachine();
  await seats.activate(machine);
  {
    using db = new DatabaseSync(fixture.path);
    db.exec("UPDATE licenses SET day_activations = 99");
  }
  await seats.release(machine);
  assertEquals(await seats.activate(machine), "ACTIVE");
  assertEquals(await seats.activate(machine), "ACTIVE");
  await seats.release(machine);
  assertEquals(await seats.activate(machine), "too_many_activations");
  await fixture.clock.advance(DAY_MS);
  assertEquals(await seats.activate(machine), "ACTIVE");
});
