import { assertEquals, assertRejects } from "@std/assert";
import { LicenseServerClient } from "../../src/activation/client.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { StandardLicense } from "../../src/license/payload.ts";
import { linux } from "../../src/platform/linux/platform.ts";
import { UnreachableError } from "../../src/enforcement/judgment.ts";
import { Lease } from "../../src/enforcement/lease.ts";
import { TamperFindings } from "../../src/enforcement/tamper_findings.ts";
import { GraceBudget } from "../../src/enforcement/grace.ts";
import { type Machine, openMachine } from "../../src/enforcement/machine.ts";
import { findRecord } from "../../src/enforcement/grace.ts";
import type { State } from "../../src/state/state_file.ts";
import { openStateFolder, type StateFolder } from "../../src/state/state_folder.ts";
import { answerPayload, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, type Organization, standardPayload } from "../support/organization.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { givenFolder } from "../support/product_folder.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const LICENSE = standardPayload() as unknown as StandardLicense;

openLibraries();

/** Between two cuts of an answer's head, and of its body. */
const HEAD_STEP = 7, BODY_STEP = 23;

/** Of the answer's head, in bytes; its length differs with that of the body alone. */
const HEAD_BYTES = 60;

/** This process is a test runner; its memory may be dumped. */
const platform = { ...linux, protectMemory() {} };

/** A server that cuts its valid answers after so many bytes and closes the connection. */
class CuttingServer implements AsyncDisposable {
  cutAt = Infinity;
  /** Of the last answer, whole. */
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
    const count = await connection.read(buffer);
    if (count === null) throw new Error(`a request was cut: ${text}`);
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

/** A machine whose license server cuts its answers. */
class CutOffMachine {
  constructor(
    readonly server: CuttingServer,
    readonly folder: StateFolder,
    /** The other files of the state. */
    readonly home: string,
  ) {}

  /** Activates the machine as a start does; returns the state that a later start would find. */
  async activate(): Promise<State> {
    const log = new RecordingLog();
    const { signal } = new AbortController();
    const lease = this.#lease(await this.#open(log), log);
    if (this.server.cutAt < Infinity) {
      await assertRejects(() => lease.activate(signal), UnreachableError);
    } else await lease.activate(signal);
    assertEquals(log.lines("warn"), []);
    return (await this.#open(log)).state;
  }

  #open(log: RecordingLog): Promise<Machine> {
    return openMachine(this.folder, {
      ...{ place: givenFolder(this.folder.path), licenseKey: "K1", pid: Deno.pid },
      platform,
      clock: systemClock,
      log,
      newUuid: () => crypto.randomUUID(),
      env: () => this.home,
    });
  }

  #lease({ keys, state, storage }: Machine, log: RecordingLog): Lease {
    const { server } = this;
    // pauses between two tries are shorter
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms < 5_000 ? 0 : ms, signal),
    };
    return new Lease({
      license: LICENSE,
      graceBudget: new GraceBudget({
        license: LICENSE,
        memory: { state },
        storage,
        clock,
        readBootClock: linux.readBootClock,
        findings: new TamperFindings(log),
        log,
      }),
      client: new LicenseServerClient({
        serverUrl: server.url,
        sign: keys.sign,
        verify: server.organization.verify,
        clock: systemClock,
        fetch,
        newUuid: () => crypto.randomUUID(),
      }),
      serverUrl: server.url,
      publicKeyPem: keys.publicKeyPem,
      platform: { wireName: "LINUX_AMD64" },
      clock,
      // few tries
      random: () => 0.9,
      log,
    });
  }
}

testWith(
  [POSIX],
  "a server killed during its answer, at any byte, leaves the state unchanged",
  async () => {
    await using temporary = await temporaryFolder();
    await using server = new CuttingServer(await makeOrganization());
    // locked once: a program that another test starts can briefly hold a released lock
    using folder = await openStateFolder(temporary.at("state"), {
      log: new RecordingLog(),
      pid: 1,
    });
    const customer = new CutOffMachine(server, folder, temporary.path);

    server.cutAt = 0;
    const before = await customer.activate();
    assertEquals(findRecord(before, LICENSE).activated, false);
    // signatures differ in length by up to four characters
    for (let cutAt = 1; cutAt < server.answerBytes - 8;) {
      server.cutAt = cutAt;
      assertEquals(await customer.activate(), before, `cut at ${cutAt}`);
      cutAt += cutAt > HEAD_BYTES ? BODY_STEP : HEAD_STEP;
    }
    // all but the last byte
    server.cutAt = -1;
    assertEquals(await customer.activate(), before);
    server.cutAt = Infinity;
    const after = await customer.activate();
    assertEquals([after.machine_id, findRecord(after, LICENSE).activated], [
      before.machine_id,
      true,
    ]);
  },
);
