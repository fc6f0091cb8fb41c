import { assertEquals } from "@std/assert";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import {
  activateBody,
  heartbeatBody,
  makeMachine,
  type TestMachine,
  type WireRequest,
} from "./test_machine.ts";
import { VendorDesk } from "./vendor_desk.ts";

/** Before each case: license `K1` for one machine, which `machine` has taken; `other` is a stranger. */
export interface Scene {
  readonly desk: VendorDesk;
  readonly machine: TestMachine;
  readonly other: TestMachine;
}

/** A request and how it is to be refused. */
export interface RefusalCase {
  readonly name: string;
  readonly request: (scene: Scene) => Promise<WireRequest>;
  readonly answer: readonly [status: number, code: string, error: string];
}

/** Opens a desk with the scene of {@linkcode Scene}. */
export async function openScene(): Promise<Scene & AsyncDisposable> {
  const desk = await VendorDesk.open();
  await desk.register("K1");
  const scene = { desk, machine: await makeMachine(), other: await makeMachine() };
  assertEquals((await desk.activate(scene.machine)).status, 200);
  return { ...scene, [Symbol.asyncDispose]: () => desk[Symbol.asyncDispose]() };
}

/** The stranger's activation. */
export function activation(
  { desk, other }: Scene,
  fields: Record<string, unknown> = {},
): Promise<WireRequest> {
  return desk.sign(other, ACTIVATE_PATH, { body: { ...activateBody(other, "K1"), ...fields } });
}

/** The machine's heartbeat. */
export function heartbeat(
  { desk, machine }: Scene,
  fields: Record<string, unknown> = {},
): Promise<WireRequest> {
  return desk.sign(machine, HEARTBEAT_PATH, {
    body: { ...heartbeatBody(machine, "K1"), ...fields },
  });
}

/** Makes each case a test, which also holds that a refused request changes nothing. */
export function testRefusals(cases: readonly RefusalCase[]): void {
  for (const { name, request, answer: [status, code, error] } of cases) {
    Deno.test(`the server refuses ${name}, and nothing is changed`, async () => {
      await using scene = await openScene();
      const wire = await request(scene);
      const before = scene.desk.dump();
      const answer = await scene.desk.post(wire);
      assertEquals([answer.status, answer.payload["code"], answer.error], [status, code, error]);
      assertEquals(answer.payload["error"], error);
      assertEquals(scene.desk.dump(), before);
    });
  }
}
