// Not on Windows: the remote server is not held to it yet.
/**
 * The attacker has a certificate that may only observe, and looks for passwords in the arguments of others' processes; he also
 * looks unseen. What he reads is in the audit log, and arguments are for `control`.
 */
import { assert, assertEquals } from "@std/assert";
import { FakeProcesses } from "../support/fake_processes.ts";
import { RemoteServerFixture } from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const OPENSSL = [needsProgram("openssl")];
const SECRET = "--password=hunter2";

/** All that a client is told of a process with a secret, and what is audited of that. */
async function look(role: "observe" | "control", observesArguments?: boolean) {
  await using fixture = await RemoteServerFixture.open();
  const processes = new FakeProcesses();
  processes.add({ id: "1", command: "backup", args: [SECRET] });
  processes.items = async function* () {
    await Promise.resolve();
    yield { kind: "end", at: 0 };
  };
  await using served = await fixture.serve(processes, { observesArguments });
  const files = fixture.files[role];
  const told: string[] = [];
  for (const path of ["/v1/processes", "/v1/processes/1", "/v1/processes/1/output"]) {
    const response = await served.fetch(path, { files });
    told.push(await response.text());
  }
  return {
    told: told.map((text) => text.includes(SECRET)),
    text: told.join(),
    audited: fixture.audited.map(({ action, outcome, process, client }) =>
      `${client?.cn}: ${action} ${process ?? "all"}: ${outcome}`
    ),
  };
}

testWith(OPENSSL, "one who may only observe sees no arguments, and leaves traces", async () => {
  const { told, text, audited } = await look("observe");
  assertEquals(told, [false, false, false]);
  assert(text.includes('"args_hidden":true'), text);
  assertEquals(audited, [
    "watch: read all: done",
    "watch: read 1: done",
    "watch: read 1: streaming",
  ]);
});

testWith(
  OPENSSL,
  "with --observe-arguments, or control, arguments are seen: the attack",
  async () => {
    assertEquals((await look("observe", true)).told, [true, true, true]);
    assertEquals((await look("control")).told, [true, true, true]);
  },
);
