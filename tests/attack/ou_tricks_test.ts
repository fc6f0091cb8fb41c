// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has a certificate of the CA, for observing, or one whose subject he could word himself. He has it look as if it
 * granted more: several OUs, other spellings, `control` in another place. Authority is one OU, exactly, of a certificate whose
 * chain was verified; whatever else it says is refused before a request is read.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { IdentifyClient } from "../../src/remote/tls_session.ts";
import { FakeProcesses } from "../support/fake_processes.ts";
import { RemoteServerFixture, type ServedRemote } from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import type { CertificateFiles } from "../support/test_authority.ts";

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

/** Starts a process with each subject, one after the other, by a server of its own; what came of each. */
async function startWith(subjects: Record<string, string>, identify?: IdentifyClient) {
  await using fixture = await RemoteServerFixture.open();
  const results: Record<string, { answer: string; started: number; outcomes: string }> = {};
  for (const [what, subject] of Object.entries(subjects)) {
    const files = await fixture.authority.issue("tricky", { subject });
    const processes = new FakeProcesses();
    fixture.audited.length = 0;
    await using served = await fixture.serve(processes, identify && { identify });
    const answer = await postStart(served, files);
    if (answer === "") await fixture.audit(/./);
    const outcomes = fixture.audited.map(({ outcome }) => outcome).join();
    results[what] = { answer, started: processes.started.length, outcomes };
  }
  return results;
}

/** Empty where the server hung up. */
async function postStart(served: ServedRemote, files: CertificateFiles): Promise<string> {
  const body = '{"command":"id"}';
  try {
    using raw = await served.connect(files);
    await raw.send(
      `POST /v1/processes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    return await raw.read();
  } catch {
    return "";
  }
}

testWith(
  OPENSSL,
  "a certificate with other subjects is refused and starts nothing",
  async () => {
    for (const [what, result] of Object.entries(await startWith(SUBJECTS))) {
      assertEquals([result.answer, result.started], ["", 0], what);
      assertMatch(result.outcomes, /^refused: certificate has not exactly one OU/, what);
    }
  },
);

testWith(
  OPENSSL,
  "if the role is searched in the subject's text, it starts a process: the attack",
  async () => {
    const { "no OU": _, ...tricks } = SUBJECTS;
    for (const [what, { answer, started }] of Object.entries(await startWith(tricks, searching))) {
      assertStringIncludes(answer, "HTTP/1.1 201 Created", what);
      assertEquals(started, 1, what);
    }
  },
);

testWith(OPENSSL, "a certificate for observing starts nothing", async () => {
  const { observe } = await startWith({ observe: "/CN=x/OU=observe" });
  assertStringIncludes(observe!.answer, "permission denied: this certificate may only observe");
  assertEquals(observe!.started, 0);
});
