// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertMode } from "../support/file_mode.ts";
import { runProgram, startProgram } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { testWith } from "../support/requirements.ts";
import { TestAuthority } from "../support/test_authority.ts";
import { NOT_FOUND, OPENSSL, result, testRemote } from "../support/test_remote.ts";

testRemote("certificates that the server does not accept are reported", async (setup, server) => {
  const other = await TestAuthority.create(setup.folder.at("other"));
  for (
    const files of [
      await other.client("evil", "control"),
      await setup.authority.issue("none", { subject: "/CN=none" }),
      await setup.authority.issue("two", { subject: "/CN=two/OU=observe/OU=control" }),
      await setup.authority.issue("usage", { subject: "/CN=x/OU=control", usage: "serverAuth" }),
    ]
  ) {
    assertEquals(
      await runProgram(setup.clientArguments(server.port, files, "list")),
      result(86, "", "sentinel: error: certificate not accepted by the server\n"),
    );
  }
});

testRemote("a server of another CA, or of another name, is not trusted", async (setup, server) => {
  const other = await TestAuthority.create(setup.folder.at("other"));
  const asked = setup.clientArguments(server.port, setup.files.ops, "list");
  const elsewhere = asked.map((arg) =>
    arg === setup.authority.certificate ? other.certificate : arg
  );
  const untrusted = await runProgram(elsewhere);
  assertEquals(untrusted.code, 86);
  assertMatch(untrusted.stderr, /^sentinel: error: server not trusted: .+\n$/);
  const misnamed = await setup.ops(server, "list", "--server-name", "db.example");
  assertEquals(misnamed.code, 86);
  assertMatch(misnamed.stderr, /^sentinel: error: server not trusted: .*db\.example/);
  assertEquals((await setup.ops(server, "list", "--server-name", "server")).code, 0);
});

testWith(
  OPENSSL,
  "server and client report expired certificates, at the start and at a reload",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    const ended = { subject: "/CN=x/OU=control", from: "20200101000000Z", to: "20200102000000Z" };
    const { certificate, key } = await setup.authority.issue("ended", ended);
    await using server = await setup.serve(["-c", certificate, "-k", key]);
    const line = `certificate expired at 2020-01-02T00:00:00.000Z: renew it (${certificate})\n`;
    await server.program.stderr.match(/WARNING: certificate expired at .+\n/);
    server.program.kill("SIGHUP");
    await server.program.stderr.match(/certificates reloaded\n/);
    assertEquals(server.program.stderr.text.split(line).length, 3, server.program.stderr.text);
    const call = setup.clientArguments(server.port, { certificate, key }, "list");
    const { code, stderr } = await runProgram(call);
    assertEquals(code, 86);
    assertStringIncludes(stderr, `WARNING: ${line}`);
  },
);

testWith(
  OPENSSL,
  "a server that bears neither its address nor `server` needs --server-name",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    const { certificate, key } = await setup.authority.issue("named", {
      subject: "/CN=db",
      usage: "serverAuth",
      names: "DNS:db.example",
    });
    await using server = await setup.serve(["-c", certificate, "-k", key]);
    assertEquals((await setup.ops(server, "list")).code, 86);
    assertEquals((await setup.ops(server, "list", "--server-name", "db.example")).code, 0);
  },
);

testWith(OPENSSL, "a server's certificate whose only name is CN=server is accepted", async () => {
  await using setup = await RemoteProgramHarness.open();
  const { certificate, key } = await setup.authority.issue("plain", {
    subject: "/CN=server",
    usage: "serverAuth",
  });
  await using server = await setup.serve(["-c", certificate, "-k", key]);
  assertEquals((await setup.ops(server, "list")).code, 0);
});

testWith(OPENSSL, "SIGHUP takes a new CA for new connections, and streams go on", async () => {
  await using setup = await RemoteProgramHarness.open();
  const other = await TestAuthority.create(setup.folder.at("other"), "new CA");
  const replaced = await other.client("new", "observe");
  const trusted = setup.folder.at("trusted.pem"), go = setup.folder.at("go");
  await Deno.copyFile(setup.authority.certificate, trusted);
  await using server = await setup.serve(["-C", trusted]);
  const script = "echo up; while [ ! -e $0 ]; do sleep 0.01; done; echo down";
  await setup.ops(server, "start", "sh", "-c", script, go);
  await using stream = startProgram(
    setup.clientArguments(server.port, setup.files.watch, "stream", "1"),
  );
  await stream.stdout.match(/^up\n/);
  await Deno.writeTextFile(trusted, "no certificate\n");
  server.program.kill("SIGHUP");
  await server.program.stderr.match(/ERROR: certificates not reloaded: CA cannot be used: /);
  assertEquals((await setup.watch(server, "status", "1")).stdout, "running\n");
  await Deno.copyFile(other.certificate, trusted);
  server.program.kill("SIGHUP");
  await server.program.stderr.match(/INFO: certificates reloaded\n/);
  const asked = setup.clientArguments(server.port, replaced, "status", "1");
  assertEquals((await runProgram(asked)).stdout, "running\n");
  assertEquals((await setup.watch(server, "status", "1")).code, 86);
  await Deno.writeTextFile(go, "");
  assertEquals(await stream.end(), result(0, "up\ndown\n"));
});

testRemote(
  "trust on first use remembers the certificate, and a change is a loud error",
  async (setup, server) => {
    const home = setup.folder.at("home");
    const { certificate, key } = setup.files.watch;
    const asked = [
      ...["client", "-c", certificate, "-k", key, "-a", "127.0.0.1", "-p", String(server.port)],
      ...["--trust-on-first-use", "status", "1"],
    ];
    const ask = () => runProgram(asked, { env: { XDG_DATA_HOME: home } });
    const first = await ask();
    assertEquals([first.code, first.stdout], [88, "process not found\n"]);
    assertMatch(
      first.stderr,
      /^first use of 127\.0\.0\.1 port \d+: remembering its certificate \(SHA-256 [0-9A-F:]{95}\)\n$/,
    );
    assertEquals(await ask(), NOT_FOUND);
    const path = `${home}/sentinel-drm/known_hosts`;
    await assertMode(path, 0o600);
    const known = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      known.replace(/[0-9A-F]{2}\n$/, (end) => end === "00\n" ? "01\n" : "00\n"),
    );
    const changed = await ask();
    assertEquals([changed.code, changed.stdout], [86, ""]);
    assertMatch(
      changed.stderr,
      /^sentinel: error: THE CERTIFICATE OF 127\.0\.0\.1:\d+ HAS CHANGED/,
    );
  },
);
