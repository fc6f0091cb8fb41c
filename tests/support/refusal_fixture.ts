import { assertEquals } from "@std/assert";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import {
  activateBody,
  heartbeatBody,
  makeMachine,
  type TestMachine,
  type WireRequest,
} from "./test_machine.ts";
import { LicenseServerFixture } from "./license_server_fixture.ts";

/** License `K1` for one machine: `machine` is activated, `other` is not. */
export interface Fixture {
  readonly fixture: LicenseServerFixture;
  readonly machine: TestMachine;
  readonly other: TestMachine;
}

/** A request and its expected refusal. */
export interface RefusalCase {
  readonly name: string;
  readonly request: (harness: Fixture) => Promise<WireRequest>;
  readonly answer: readonly [status: number, code: string, error: string];
}

export async function openHarness(): Promise<Fixture & AsyncDisposable> {
  const fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const harness = { fixture, machine: await makeMachine(), other: await makeMachine() };
  assertEquals((await fixture.activate(harness.machine)).status, 200);
  return { ...harness, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

/** An activation of `other`. */
export function activation(
  { fixture, other }: Fixture,
  fields: Record<string, unknown> = {},
): Promise<WireRequest> {
  return fixture.sign(other, ACTIVATE_PATH, { body: { ...activateBody(other, "K1"), ...fields } });
}

/** A heartbeat of `machine`. */
export function heartbeat(
  { fixture, machine }: Fixture,
  fields: Record<string, unknown> = {},
): Promise<WireRequest> {
  return fixture.sign(machine, HEARTBEAT_PATH, {
    body: { ...heartbeatBody(machine, "K1"), ...fields },
  });
}

/** Tests each case, and that a refused request changes nothing. */
export function testRefusals(cases: readonly RefusalCase[]): void {
  for (const { name, request, answer: [status, code, error] } of cases) {
    Deno.test(`the server refuses ${name}, and nothing is changed`, async () => {
      await using harness = await openHarness();
      const wire = await request(harness);
      const before = harness.fixture.dump();
      const answer = await harness.fixture.post(wire);
      assertEquals([answer.status, answer.payload["code"], answer.error], [status, code, error]);
      assertEquals(answer.payload["error"], error);
      assertEquals(harness.fixture.dump(), before);
    });
  }
}
