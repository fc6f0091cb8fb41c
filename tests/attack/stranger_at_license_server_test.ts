// Not on Windows: a shell lowers the limit of descriptors.
/**
 * The attacker is a stranger on the network, and opens connections to the license server and says nothing, or begins requests and
 * does not end them, so that no machine is answered and, without descriptors, the server accepts no more. Or it sends junk,
 * each of which costs a signature by the organization's key. A connection that waits for its peer gives way to a newer one,
 * and an address causes few signed refusals.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ConnectionFlood, connectTo, withDescriptors } from "../support/connection_flood.ts";
import type { Doubles } from "../support/doubles.ts";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { type RunningProgram, startProgram } from "../support/program.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const DESCRIPTORS = 100, FLOOD = 200;

/** How long a machine waits for its answer, and for one that is not to come. */
const PATIENCE_MS = 30_000, SHORT_PATIENCE_MS = 2_500;

/** Between two attempts. */
const PAUSE_MS = 100;

/** Admits each connection, and never closes one. */
const NO_ADMISSION: Doubles = {
  "src/net/admission.ts": [["if (mustMakeRoom) {", "if (mustMakeRoom && false) {"]],
};

/** Keeps the place of a connection whose body does not arrive. */
const PATIENT_WITH_BODIES: Doubles = {
  "src/net/http_request.ts": [["this.place.isBusy = false;", ""]],
};

const NO_ALLOWANCE: Doubles = {
  "src/license_server/routes.ts": [["REFUSAL_BURST = 20", "REFUSAL_BURST = Infinity"]],
};

class Target implements AsyncDisposable {
  private constructor(
    readonly program: RunningProgram,
    readonly port: number,
    readonly owned: AsyncDisposableStack,
  ) {}

  static async start(doubles?: Doubles): Promise<Target> {
    await using owned = new AsyncDisposableStack();
    const folder = owned.use(await temporaryFolder());
    const { privateKeyPath } = await makeOrganizationKey(folder.at("keys"));
    const program = owned.use(startProgram([
      ...["vendor", "serve", "--key", privateKeyPath],
      ...["--database", folder.at("licenses.db"), "--port", "0"],
    ], { wrapper: withDescriptors(DESCRIPTORS), doubles }));
    const [, port] = await program.stdout.match(/^listening on http:\/\/127\.0\.0\.1:(\d+)\n/);
    return new Target(program, Number(port), owned.move());
  }

  /** Opens connections, each of which sends the text. */
  flood(text = ""): Promise<ConnectionFlood> {
    return ConnectionFlood.open(connectTo(this.port), FLOOD, text);
  }

  /**
   * The status that a machine gets; `undefined` if it is not answered. It tries again, as machines do: connections that wait
   * while the server does not listen for a moment are reset.
   */
  async ask(patienceMs = PATIENCE_MS): Promise<number | undefined> {
    const untilMs = performance.now() + patienceMs;
    for (;;) {
      const leftMs = Math.max(1, untilMs - performance.now());
      try {
        const answer = await this.send(leftMs);
        await answer.body?.cancel();
        return answer.status;
      } catch {
        if (performance.now() >= untilMs) return undefined;
        await systemClock.sleep(PAUSE_MS);
      }
    }
  }

  send(patienceMs = PATIENCE_MS): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${HEARTBEAT_PATH}`, {
      method: "POST",
      // a connection that is kept needs no admission
      headers: { connection: "close" },
      body: "{}",
      signal: AbortSignal.timeout(patienceMs),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned.disposeAsync();
  }
}

const now = () => String(Math.floor(Date.now() / 1000));

/** A heartbeat whose headers are well-formed, and whose body stops after its first byte. */
const unfinished = () =>
  [
    `POST ${HEARTBEAT_PATH} HTTP/1.1`,
    "Host: a",
    `X-Sentinel-Machine-Id: ${crypto.randomUUID()}`,
    `X-Sentinel-Nonce: ${crypto.randomUUID()}`,
    `X-Sentinel-Timestamp: ${now()}`,
    "X-Sentinel-Signature: AAAA",
    "Content-Length: 100",
    "",
    "{",
  ].join("\r\n");

/** The preface of HTTP/2 (RFC 9113), whose connections carry any number of requests. */
const HTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

testWith([POSIX], "a stranger's connections keep no machine from the license server", async () => {
  await using target = await Target.start();
  for (const text of ["", unfinished(), HTTP2]) {
    using flood = await target.flood(text);
    assertEquals(await target.ask(), 400);
    void flood;
  }
  assertEquals(await target.ask(), 400);
  target.program.kill("SIGTERM");
  const { code, stderr } = await target.program.end();
  assertEquals(code, 0);
  const [line, ...others] = stderr.split("\n").filter((line) => line.includes("connections of"));
  assertMatch(line!, /WARNING: \d+ connections of 127\.0\.0\.1 refused in the last minute$/);
  assertEquals(others, []);
});

testWith(
  [POSIX],
  "if all are admitted, silent connections end the license server for all: the attack",
  async () => {
    await using target = await Target.start(NO_ADMISSION);
    assertEquals(await target.ask(), 400);
    {
      using flood = await target.flood();
      assertEquals(await target.ask(SHORT_PATIENCE_MS), undefined);
      void flood;
    }
    // nor after it
    assertEquals(await target.ask(SHORT_PATIENCE_MS), undefined);
  },
);

testWith(
  [POSIX],
  "if unfinished bodies keep their places, no machine is answered: the attack",
  async () => {
    await using target = await Target.start(PATIENT_WITH_BODIES);
    using flood = await target.flood(unfinished());
    assertEquals(await target.ask(SHORT_PATIENCE_MS), undefined);
    void flood;
  },
);

/** The number of signatures that so much junk costs. */
async function countSignatures(junk: number, doubles?: Doubles): Promise<number> {
  await using target = await Target.start(doubles);
  let signed = 0;
  for (let i = 0; i < junk; i++) {
    const answer = await target.send();
    const body = await answer.json();
    if ("sig" in body) signed++;
    else assert(answer.status === 429 && answer.headers.has("retry-after"));
  }
  return signed;
}

testWith([POSIX], "junk costs few signatures", async () => {
  const signed = await countSignatures(100);
  assert(signed <= 30, `signed: ${signed}`);
});

testWith([POSIX], "without an allowance each junk costs one: the attack", async () => {
  assertEquals(await countSignatures(100, NO_ALLOWANCE), 100);
});
