// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker reaches a server of remote processes, and has no certificate of its CA. He gets a TLS session ticket from
 * another server of the same process, which the runtime resumes at this one without asking for a certificate. Every resumed
 * session is refused (docs/decisions/070-session-tickets.md).
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TlsOptions } from "node:tls";
import type { IdentifyClient } from "../../src/remote/tls_session.ts";
import { FakeProcesses } from "../support/fake_processes.ts";
import { RemoteServerFixture } from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { type CertificateFiles, TestAuthority } from "../support/test_authority.ts";
import { within } from "../support/patience.ts";

const OPENSSL = [needsProgram("openssl")];

/** Another TLS server of this process, from which the attacker gets a ticket. */
interface Helper extends AsyncDisposable {
  readonly port: number;
}

async function listen(options: TlsOptions): Promise<Helper> {
  const server: Server = createServer({ ...options, minVersion: "TLSv1.3" }, (socket) => {
    socket.on("error", () => {});
    socket.end("hello\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Attack {
  readonly port: number;
  readonly options: readonly string[];
  /** Sent once the connection is there. */
  readonly text: string;
}

/** What `openssl s_client` says of a connection and receives over it. */
async function connect({ port, options, text }: Attack): Promise<string> {
  await using child = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-tls1_3", "-ign_eof", ...options],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text)).catch(() => {});
  await writer.close().catch(() => {});
  const { stdout } = await within(child.output(), () => "openssl s_client goes on");
  return new TextDecoder().decode(stdout);
}

/** Two ways to a ticket; each needs nothing that the server's CA signed. */
const SOURCES: Record<
  string,
  (fixture: RemoteServerFixture) => Promise<Helper & { options: string[] }>
> = {
  "a plain TLS server": async (fixture) => {
    const helper = await listen(await pems(fixture.files.server));
    return Object.assign(helper, { options: [] });
  },
  "a server with another CA": async (fixture) => {
    const other = await TestAuthority.create(fixture.folder.at("other"));
    const { certificate, key } = await other.client("evil", "control");
    const helper = await listen({
      ...await pems(fixture.files.server),
      ca: await Deno.readTextFile(other.certificate),
      requestCert: true,
      rejectUnauthorized: true,
    });
    return Object.assign(helper, { options: ["-cert", certificate, "-key", key] });
  },
};

async function pems({ certificate, key }: CertificateFiles): Promise<TlsOptions> {
  return { cert: await Deno.readTextFile(certificate), key: await Deno.readTextFile(key) };
}

/** Starts a process over a session that was begun elsewhere; what the attacker is answered. */
async function attack(
  fixture: RemoteServerFixture,
  source: keyof typeof SOURCES,
  port: number,
): Promise<string> {
  await using helper = await SOURCES[source]!(fixture);
  const ticket = fixture.folder.at("ticket");
  await connect({ port: helper.port, options: ["-sess_out", ticket, ...helper.options], text: "" });
  const body = '{"command":"id"}';
  return await connect({
    port,
    options: ["-sess_in", ticket],
    text: `POST /v1/processes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  });
}

/** As a server would have it that leaves clients to the runtime. */
const trusting: IdentifyClient = () =>
  Promise.resolve({ kind: "accepted", cn: "whoever", role: "control" });

for (const source of Object.keys(SOURCES)) {
  testWith(OPENSSL, `a session from ${source} is refused`, async () => {
    await using fixture = await RemoteServerFixture.open();
    const processes = new FakeProcesses();
    await using served = await fixture.serve(processes);
    const answer = await attack(fixture, source, served.port);
    assertStringIncludes(answer, "Reused, TLSv1.3");
    assertEquals(answer.includes("HTTP/1.1"), false);
    await fixture.audit(/^refused: resumed TLS session$/);
    assertEquals(processes.started, []);
  });

  testWith(OPENSSL, `without the defense, a session of ${source} starts a process`, async () => {
    await using fixture = await RemoteServerFixture.open();
    const processes = new FakeProcesses();
    await using served = await fixture.serve(processes, { identify: trusting });
    const answer = await attack(fixture, source, served.port);
    assertStringIncludes(answer, "HTTP/1.1 201 Created");
    assertEquals(processes.started.map(({ command }) => command), ["id"]);
  });
}
