// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch } from "@std/assert";
import { FakeProcesses } from "../support/fake_processes.ts";
import {
  RawConnection,
  RemoteServerFixture,
  ServedRemote,
} from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { type CertificateFiles, TestAuthority } from "../support/test_authority.ts";
import { resultOf } from "../support/program.ts";

const OPENSSL = [needsProgram("openssl")];
const REQUEST = "GET /v1/processes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** The response to a request; empty if the server closed the connection. */
async function tryRequest(served: ServedRemote, files: CertificateFiles | null) {
  try {
    using raw = await served.connect(files);
    await raw.send(REQUEST);
    return await raw.read();
  } catch {
    return "";
  }
}

const REFUSED: Record<string, (fixture: RemoteServerFixture) => Promise<CertificateFiles | null>> =
  {
    "without a certificate": () => Promise.resolve(null),
    "with one of an unknown CA": async ({ folder }) =>
      await (await TestAuthority.create(folder.at("other"))).client("evil", "control"),
    "with one of an unknown CA of the same name": async ({ folder, authority }) =>
      await (await TestAuthority.create(folder.at("other"), authority.name)).client(
        "evil",
        "control",
      ),
    "with one that is expired": ({ authority }) =>
      authority.issue("old", {
        subject: "/CN=old/OU=control",
        from: "20200101000000Z",
        to: "20200102000000Z",
      }),
    "with one that is not valid yet": ({ authority }) =>
      authority.issue("early", {
        subject: "/CN=early/OU=control",
        from: "20480101000000Z",
        to: "20490102000000Z",
      }),
    "with one for servers only": ({ authority }) =>
      authority.issue("server-only", { subject: "/CN=x/OU=control", usage: "serverAuth" }),
    "with the server's own": ({ files }) => Promise.resolve(files.server),
    "with one that it signed itself": ({ authority }) => authority.selfSigned("self"),
  };

for (const [how, make] of Object.entries(REFUSED)) {
  testWith(OPENSSL, `a client ${how} is refused, and audited`, async () => {
    await using fixture = await RemoteServerFixture.open();
    const files = await make(fixture);
    const processes = new FakeProcesses();
    await using served = await fixture.serve(processes);
    assertEquals(await tryRequest(served, files), "");
    const { client } = await fixture.audit(/^(?:refused|handshake failed): ./);
    assertEquals(client, undefined);
    assertEquals(fixture.audited.length, 1);
    assertEquals((await served.ask("/healthz")).status, 200);
  });
}

testWith(OPENSSL, "a client of the CA is served, whatever its CN", async () => {
  await using fixture = await RemoteServerFixture.open();
  await using served = await fixture.serve(new FakeProcesses());
  assertMatch(await tryRequest(served, fixture.files.observe), /^HTTP\/1\.1 200 OK\r\n/);
  const odd = await fixture.authority.issue("odd", { subject: "/CN=a b\\/c/OU=observe" });
  assertMatch(await tryRequest(served, odd), /^HTTP\/1\.1 200 OK\r\n/);
  assertEquals(fixture.audited.map(({ client, outcome }) => `${client?.cn}: ${outcome}`), [
    "watch: done",
    "a b/c: done",
  ]);
});

testWith(OPENSSL, "a client that cannot be verified is refused, and audited", async () => {
  await using fixture = await RemoteServerFixture.open();
  const identify = () => Promise.reject(new Error("no more memory"));
  await using served = await fixture.serve(new FakeProcesses(), { identify });
  assertEquals(await tryRequest(served, fixture.files.control), "");
  await fixture.audit(/^refused: certificate cannot be checked: no more memory$/);
});

testWith(OPENSSL, "TLS 1.2 is refused", async () => {
  await using fixture = await RemoteServerFixture.open();
  await using served = await fixture.serve(new FakeProcesses());
  const { control } = fixture.files;
  const { code } = await resultOf("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${served.port}`, "-tls1_2", "-quiet"].concat(
      ["-cert", control.certificate, "-key", control.key],
    ),
  });
  assertEquals(code, 1);
  await fixture.audit(/^handshake failed/);
});

for (
  const [what, text] of Object.entries({
    "plain HTTP": REQUEST,
    "garbage": "\0\x01\x02".repeat(10_000),
    "the start of a handshake": "\x16\x03\x01\x02\x00\x01\x00",
  })
) {
  testWith(OPENSSL, `${what} in place of TLS is refused, and audited`, async () => {
    await using fixture = await RemoteServerFixture.open();
    await using served = await fixture.serve(new FakeProcesses());
    {
      using raw = new RawConnection(
        await Deno.connect({ hostname: "127.0.0.1", port: served.port }),
      );
      await raw.send(text).catch(() => {});
      if (what !== "the start of a handshake") await raw.read();
    }
    const { address } = await fixture.audit(/^handshake failed/);
    assertMatch(address, /^127\.0\.0\.1:\d+$/);
    assertEquals(served.server.load.handshakes, 0);
    assertEquals((await served.ask("/healthz")).status, 200);
  });
}

testWith(
  OPENSSL,
  "after a reload new connections are verified by the new CA, and old ones stay open",
  async () => {
    await using fixture = await RemoteServerFixture.open();
    const other = await RemoteServerFixture.open();
    await using _ = other;
    await using served = await fixture.serve(new FakeProcesses());
    using old = await served.connect();
    await old.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await old.read(/"ok"/);
    served.server.reload(await other.trust());
    await old.send(REQUEST);
    assertMatch(await old.read(), /^HTTP\/1\.1 200/);
    using replaced = await new ServedRemote(other, served.server).connect(other.files.control);
    await replaced.send(REQUEST);
    assertMatch(await replaced.read(), /^HTTP\/1\.1 200/);
    using stale = await new ServedRemote(other, served.server).connect(fixture.files.control);
    await stale.send(REQUEST).catch(() => {});
    assertEquals(await stale.read(), "");
  },
);

testWith(
  OPENSSL,
  "a revoked client is refused on its next connection, others are served",
  async () => {
    await using fixture = await RemoteServerFixture.open();
    const fine = await fixture.authority.client("fine", "observe");
    const emptyList = await fixture.authority.revocationList();
    await using served = await fixture.serve(new FakeProcesses(), await fixture.trust(emptyList));
    assertMatch(await tryRequest(served, fixture.files.control), /^HTTP\/1\.1 200/);
    const list = await fixture.authority.revoke(fixture.files.control);
    served.server.reload(await fixture.trust(list));
    assertEquals(await tryRequest(served, fixture.files.control), "");
    await fixture.audit(/^(?:refused|handshake failed)/);
    assertMatch(await tryRequest(served, fine), /^HTTP\/1\.1 200/);
  },
);
