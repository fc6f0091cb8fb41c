import { PINNED_RUNTIME, type ProgramResult } from "./program.ts";
import { RemoteProgramHarness, type ServingRemote } from "./remote_program_harness.ts";
import { needsProgram, type Requirement, testWith } from "./requirements.ts";

/** What makes certificates. */
export const OPENSSL: readonly Requirement[] = [needsProgram("openssl")];

/** A test with a real server and its clients. */
export function testRemote(
  name: string,
  run: (setup: RemoteProgramHarness, server: ServingRemote) => Promise<void>,
  requirements: readonly Requirement[] = [],
): void {
  testWith([...OPENSSL, PINNED_RUNTIME, ...requirements], name, async () => {
    await using setup = await RemoteProgramHarness.open();
    await using server = await setup.serve();
    await run(setup, server);
  });
}

/** How a program is to end. */
export function result(code: number, stdout: string, stderr = ""): ProgramResult {
  return { code, stdout, stderr };
}

export const NOT_FOUND = result(88, "process not found\n");
