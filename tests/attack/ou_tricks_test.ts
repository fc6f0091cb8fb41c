/**
 * The attacker has a certificate of the CA, for observing, or one whose subject he could word himself. He has it look as if it
 * granted more: several OUs, other spellings, `control` in another place. Authority is one OU, exactly, of a certificate whose
 * chain was verified; whatever else it says is refused before a request is read.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { IdentifyClient } from "../../src/remote/identity.ts";
import { FakeProcesses } from "../support/fake_processes.ts";
import { RemoteDesk } from "../support/remote_server.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const OPENSSL = [needsProgram("openssl")];

const SUBJECTS: Record<string, string> = {
  "no OU": "/CN=x",
  "two OUs": "/CN=x/OU=observe/OU=control",
  "two OUs, the other way round": "/CN=x/OU=control/OU=observe",
  "the same OU twice": "/CN=x/OU=control/OU=control",
  "another spelling": "/CN=x/OU=Control",
  "a blank behind it": "/CN=x/OU=control ",
  "a list in one OU": "/CN=x/OU=observe,control",
  "a line end in it": "/CN=x/OU=observe\ncontrol",
  "more than there is": "/CN=x/OU=admin, control and all",
  "its place in the CN": "/CN=x\\/OU=control/OU=none",
};

/** As a server would have it that looks for the word in what the runtime makes of the subject. */
const searching: IdentifyClient = (socket) => {
  const { subject } = socket.getPeerCertificate();
  const words = JSON.stringify(subject).toLowerCase();
  return Promise.resolve(
    words.includes("control")
      ? { kind: "accepted", cn: "x", role: "control" }
      : { kind: "refused", why: "no control" },
  );
};

/** Starts a process with a certificate of such a subject; what the attacker is answered. */
async function start(subject: string, { identify }: { identify?: IdentifyClient } = {}) {
  await using desk = await RemoteDesk.open();
  const files = await desk.authority.issue("tricky", { subject });
  const processes = new FakeProcesses();
  await using served = await desk.serve(processes, identify && { identify });
  const body = '{"command":"id"}';
  let answer = "";
  try {
    using raw = await served.connect(files);
    await raw.send(
      `POST /v1/processes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    answer = await raw.read();
  } catch {
    // hung up on
  }
  const outcomes = desk.audited.map(({ outcome }) => outcome);
  return { answer, started: processes.started.length, outcomes };
}

for (const [what, subject] of Object.entries(SUBJECTS)) {
  testWith(OPENSSL, `a certificate with ${what} is refused, and starts nothing`, async () => {
    const { answer, started, outcomes } = await start(subject);
    assertEquals([answer, started, outcomes.length], ["", 0, 1], outcomes.join());
    assertStringIncludes(outcomes[0]!, "refused: ");
  });

  if (what === "no OU") continue;
  testWith(
    OPENSSL,
    `where the word is searched for, ${what} starts a process: the attack`,
    async () => {
      const { answer, started } = await start(subject, { identify: searching });
      assertStringIncludes(answer, "HTTP/1.1 201 Created");
      assertEquals(started, 1);
    },
  );
}

testWith(OPENSSL, "a certificate for observing starts nothing", async () => {
  const { answer, started } = await start("/CN=x/OU=observe");
  assertStringIncludes(answer, "permission denied: this certificate may only observe");
  assertEquals(started, 0);
});
