import { assertEquals, assertRejects } from "@std/assert";
import { LicenseServerClient } from "../../src/activation/client.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { StandardLicense } from "../../src/license/payload.ts";
import { linux } from "../../src/platform/linux.ts";
import { UnreachableError } from "../../src/sentinel/endings.ts";
import { Lease } from "../../src/sentinel/lease.ts";
import { Findings } from "../../src/sentinel/findings.ts";
import { Ledger } from "../../src/sentinel/ledger.ts";
import { openMachine } from "../../src/sentinel/machine.ts";
import { recordOf } from "../../src/sentinel/remembered_state.ts";
import type { State } from "../../src/state/state_file.ts";
import { openStateFolder } from "../../src/state/state_folder.ts";
import { answerPayload, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, type Organization, standardPayload } from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const LICENSE = standardPayload() as unknown as StandardLicense;

/** Cuts of one answer: every one near its ends and the border of head and body, a sample in between. */
const STEP = 23;

/** A server whose honest answers are cut after so many bytes; the connection is closed there. */
class CuttingServer implements AsyncDisposable {
  cutAt = Infinity;
  answerBytes = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving = this.#serve();

  constructor(readonly organization: Organization) {}

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      const text = await readRequest(connection);
      const [head, rawBody] = text.split("\r\n\r\n") as [string, string];
      const lines = head.split("\r\n").slice(1).map((line) =>
        line.split(/: ?/, 2) as [string, string]
      );
      const seen = { path: "", headers: new Headers(lines), body: JSON.parse(rawBody), rawBody };
      const answer = await signedAnswer(this.organization, answerPayload(seen));
      const body = await answer.text();
      const whole = new TextEncoder().encode(
        `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      this.answerBytes = whole.length;
      await connection.write(whole.subarray(0, this.cutAt));
      connection.close();
    }
  }
}

async function readRequest(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65_536);
  while (!/\r\n\r\n.*\}$/s.test(text)) {
    text += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  }
  return text;
}

testWith(
  [POSIX],
  "a server killed in the middle of its answer, at any byte, leaves the state as it was",
  async () => {
    await using temporary = await temporaryFolder();
    const organization = await makeOrganization();
    await using server = new CuttingServer(organization);

    // locked once: a program that another test starts may hold a lock that was let go for a moment longer
    using folder = await openStateFolder(temporary.at("state"), {
      log: new RecordingLog(),
      pid: 1,
    });
    const activateOnce = async (): Promise<State> => {
      const log = new RecordingLog();
      const services = {
        platform: linux,
        clock: systemClock,
        log,
        newUuid: () => crypto.randomUUID(),
        readVariable: () => temporary.path,
      };
      const { keys, state, storage } = await openMachine(folder, { ...services, platform: quiet });
      const client = new LicenseServerClient({
        serverUrl: server.url,
        sign: keys.sign,
        verify: organization.verify,
        clock: systemClock,
        fetch,
        newNonce: services.newUuid,
      });
      const { publicKeyPem } = keys;
      const lease = new Lease({
        license: LICENSE,
        ledger: new Ledger({
          license: LICENSE,
          memory: { state },
          storage,
          clock: systemClock,
          readBootClock: linux.readBootClock,
          findings: new Findings(log),
          log,
        }),
        client,
        serverUrl: server.url,
        publicKeyPem,
        platform: "LINUX_AMD64",
        clock: systemClock,
        random: () => 0,
        log,
      });
      const { signal } = new AbortController();
      if (server.cutAt < Infinity) {
        await assertRejects(() => lease.activate(signal), UnreachableError);
      } else await lease.activate(signal);
      assertEquals(log.lines("warn"), []);
      return (await openMachine(folder, { ...services, platform: quiet })).state;
    };

    server.cutAt = 0;
    const before = await activateOnce();
    assertEquals(recordOf(before, LICENSE).activated, false);
    // signatures differ in length by up to four characters
    for (let cutAt = 1; cutAt < server.answerBytes - 8; cutAt += cutAt > 60 ? STEP : 7) {
      server.cutAt = cutAt;
      assertEquals(await activateOnce(), before, `cut at ${cutAt}`);
    }
    server.cutAt = -1;
    assertEquals(await activateOnce(), before);
    server.cutAt = Infinity;
    const after = await activateOnce();
    assertEquals([after.machine_id, recordOf(after, LICENSE).activated], [before.machine_id, true]);
  },
);

/** Our own process is a test runner, whose memory may be dumped. */
const quiet = { ...linux, protectMemory() {} };
