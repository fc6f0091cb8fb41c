/** Requests of two copies of a machine's state: what the vendor sees of them. */
import { assertEquals } from "@std/assert";
import { linkNonce } from "../../src/activation/nonce_chain.ts";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { describeLicenses } from "../../src/license_server/list.ts";
import { CLIENT_ADDRESS, LicenseServerFixture } from "../support/license_server_fixture.ts";
import {
  activateBody,
  heartbeatBody,
  makeMachine,
  type TestMachine,
} from "../support/test_machine.ts";

/** A copy of a machine's state that sends linked requests, of which each must be answered. */
class Copy {
  constructor(
    readonly fixture: LicenseServerFixture,
    readonly machine: TestMachine,
    public answered: string | undefined,
  ) {}

  activate(): Promise<void> {
    return this.#send(ACTIVATE_PATH, activateBody(this.machine, "K1"));
  }

  beat(): Promise<void> {
    return this.#send(HEARTBEAT_PATH, heartbeatBody(this.machine, "K1"));
  }

  async #send(path: string, body: Record<string, unknown>): Promise<void> {
    const nonce = linkNonce(crypto.randomUUID(), this.answered);
    const request = await this.fixture.sign(this.machine, path, { body, stamp: { nonce } });
    const { status, payload } = await this.fixture.post(request);
    assertEquals([status, payload["status"]], [200, "ACTIVE"]);
    this.answered = nonce;
  }
}

/** The machine in `vendor list --json`. */
async function listed(fixture: LicenseServerFixture) {
  const [license] = await describeLicenses(
    fixture.store,
    await fixture.store.listLicenses(),
    fixture.clock.wallMs(),
  );
  return license!.machines[0]!;
}

function audited(fixture: LicenseServerFixture): unknown[] {
  return fixture.dump()["audit"]!
    .filter((row) => (row as { action: string }).action === "machine.copies_suspected");
}

async function openWithMachine(): Promise<{ fixture: LicenseServerFixture; first: Copy }> {
  const fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const first = new Copy(fixture, await makeMachine(), undefined);
  await first.activate();
  return { fixture, first };
}

async function takeTurns(copies: readonly Copy[], times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    for (const copy of copies) await copy.beat();
  }
}

Deno.test("two copies are both answered, listed, audited once and logged once", async () => {
  const opened = await openWithMachine();
  await using fixture = opened.fixture;
  const { first } = opened;
  const second = new Copy(fixture, first.machine, first.answered);
  await takeTurns([first, second], 3);
  assertEquals((await listed(fixture)).copies_seen_at, null);
  const foundAt = new Date(fixture.clock.wallMs()).toISOString();
  await takeTurns([first, second], 1);
  assertEquals((await listed(fixture)).copies_seen_at, foundAt);
  assertEquals(audited(fixture), [{
    id: 3,
    at: Date.parse(foundAt),
    action: "machine.copies_suspected",
    license_key: "K1",
    machine_id: first.machine.id,
    actor: CLIENT_ADDRESS,
  }]);
  await fixture.clock.advance(60_000);
  await takeTurns([first, second], 1);
  const seenAt = new Date(fixture.clock.wallMs()).toISOString();
  assertEquals((await listed(fixture)).copies_seen_at, seenAt);
  assertEquals(audited(fixture).length, 1);
  assertEquals(fixture.log.lines("warn"), [
    `warn two copies of the state of machine ${first.machine.id} are in use`,
  ]);
});

Deno.test("copies that activate again in turn are found, too", async () => {
  const opened = await openWithMachine();
  await using fixture = opened.fixture;
  const { first } = opened;
  const second = new Copy(fixture, first.machine, first.answered);
  for (let i = 0; i < 4; i++) {
    await first.activate();
    await second.activate();
  }
  assertEquals(audited(fixture).length, 1);
});

Deno.test("requests that are not linked, as of version 0.1 or doctor, are no copies and hide none", async () => {
  const opened = await openWithMachine();
  await using fixture = opened.fixture;
  const { first } = opened;
  for (let i = 0; i < 20; i++) await fixture.beat(first.machine);
  assertEquals(audited(fixture), []);
  const second = new Copy(fixture, first.machine, first.answered);
  for (let i = 0; i < 4; i++) {
    await takeTurns([first, second], 1);
    await fixture.beat(first.machine);
  }
  assertEquals(audited(fixture).length, 1);
});

Deno.test("a refused request is no part of the chain", async () => {
  const opened = await openWithMachine();
  await using fixture = opened.fixture;
  const { first } = opened;
  await first.beat();
  const before = fixture.dump()["machines"];
  const nonce = first.answered!;
  const body = heartbeatBody(first.machine, "K1");
  const replay = await fixture.sign(first.machine, HEARTBEAT_PATH, { body, stamp: { nonce } });
  assertEquals((await fixture.post(replay)).status, 409);
  assertEquals(fixture.dump()["machines"], before);
});
