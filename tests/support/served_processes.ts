import type { RemoteLimits } from "../../src/remote/wire.ts";
import { FakeProcesses } from "./fake_processes.ts";
import { RemoteServerFixture, type ServedRemote } from "./remote_server_fixture.ts";
import { needsProgram, testWith } from "./requirements.ts";

/** What errors are answered as; RFC 9457. */
export const PROBLEM = "application/problem+json";

/** A test with a server whose process 1 runs. */
export function testServed(
  name: string,
  run: (served: ServedRemote, processes: FakeProcesses) => Promise<void>,
  limits: Partial<RemoteLimits> = {},
): void {
  testWith([needsProgram("openssl")], name, async () => {
    await using fixture = await RemoteServerFixture.open();
    const processes = new FakeProcesses();
    processes.add({ id: "1", command: "sleep", args: ["9"] });
    await using served = await fixture.serve(processes, { limits });
    await run(served, processes);
  });
}

/** A request with this body: text as it is, anything else as JSON. */
export function post(body: unknown): RequestInit {
  return { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
}
