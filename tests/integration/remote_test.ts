// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { programCommand, runProgram, startProgram } from "../support/program.ts";
import { isRunning } from "../support/process_state.ts";
import { needsProgram } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { NOT_FOUND, result, testRemote } from "../support/test_remote.ts";

const OBSERVE_ONLY = result(
  86,
  "",
  "sentinel: error: permission denied: this certificate may only observe\n",
);

testRemote(
  "a process is started, seen running, stopped, and seen stopped",
  async (setup, server) => {
    assertEquals(await setup.ops(server, "start", "sleep", "1000"), result(0, "1\n"));
    assertEquals(await setup.watch(server, "status", "1"), result(0, "running\n"));
    assertEquals(await setup.ops(server, "stop", "1"), result(0, "process stopped\n"));
    assertEquals(await setup.watch(server, "status", "1"), result(0, "stopped\n"));
    assertEquals(await setup.ops(server, "stop", "1"), result(0, "process stopped\n"));
    const { program } = server;
    await program.stderr.match(
      /INFO: audit: start: started \(client: ops, role: control, address: 127\.0\.0\.1:\d+, process: 1, command: "sleep 1000", /,
    );
    await program.stderr.match(
      /INFO: audit: stop: stopped \(client: ops, role: control, .*process: 1, /,
    );
  },
);

testRemote("the end of a process is reported: its status or the signal", async (setup, server) => {
  await setup.ops(server, "start", "sh", "-c", "exit 7");
  await setup.ops(server, "start", "sh", "-c", "kill -SEGV $$");
  await Promise.all([setup.watch(server, "stream", "1"), setup.watch(server, "stream", "2")]);
  assertEquals(await setup.watch(server, "status", "1"), result(0, "exited: 7\n"));
  assertEquals(await setup.watch(server, "status", "2"), result(0, "killed: SIGSEGV\n"));
  const { stdout } = await setup.watch(server, "status", "2", "--json");
  const { state, signal, output_bytes: bytes } = JSON.parse(stdout);
  assertEquals({ state, signal, bytes }, { state: "killed", signal: "SIGSEGV", bytes: 0 });
});

testRemote(
  "a process that is not there is a result of status and stop, an error of stream",
  async (setup, server) => {
    assertEquals(await setup.watch(server, "status", "4"), NOT_FOUND);
    assertEquals(await setup.ops(server, "stop", "4"), NOT_FOUND);
    assertEquals(await setup.watch(server, "status", "../1"), NOT_FOUND);
    assertEquals(
      await setup.watch(server, "stream", "4"),
      result(88, "", "sentinel: error: process not found\n"),
    );
  },
);

testRemote("an observer can neither start nor stop", async (setup, server) => {
  await setup.ops(server, "start", "sleep", "1000");
  assertEquals(await setup.watch(server, "start", "id"), OBSERVE_ONLY);
  assertEquals(await setup.watch(server, "stop", "1"), OBSERVE_ONLY);
  assertEquals(await setup.watch(server, "status", "1"), result(0, "running\n"));
  await server.program.stderr.match(
    /WARNING: audit: stop: refused: 403 .*client: watch, role: observe/,
  );
});

testRemote(
  "what follows `start` belongs to the process, whatever it looks like",
  async (setup, server) => {
    const args = ["--json", "-c", "--", "--help", "start", "a  b", "$HOME", ""];
    assertEquals(await setup.ops(server, "start", "printf", "%s\\n", ...args), result(0, "1\n"));
    assertEquals(await setup.watch(server, "stream", "1"), result(0, args.join("\n") + "\n"));
    assertEquals(
      await setup.ops(server, "--json", "start", "--", "echo", "-n"),
      result(0, '{"id":"2"}\n'),
    );
    assertEquals(await setup.watch(server, "stream", "2"), result(0, ""));
  },
);

testRemote("a command that cannot be launched is reported", async (setup, server) => {
  assertEquals(
    await setup.ops(server, "start", "/no/such"),
    result(84, "", "sentinel: error: software not found: /no/such\n"),
  );
});

testRemote(
  "stream gives both streams byte for byte, from the beginning to the end",
  async (setup, server) => {
    const script = "head -c 3000000 /dev/urandom | tee $0; echo err >&2; head -c 5 /dev/zero >&2";
    const path = setup.folder.at("expected");
    await setup.ops(server, "start", "sh", "-c", script, path);
    const stream = setup.clientArguments(server.port, setup.files.watch, "stream", "1");
    const out = await programCommand(stream).output();
    assertEquals(out.code, 0);
    assertEquals(new TextDecoder().decode(out.stderr), "err\n\0\0\0\0\0");
    const expected = await Deno.readFile(path);
    assertEquals(out.stdout.length, 3_000_000);
    assertEquals(out.stdout.every((byte, i) => byte === expected[i]), true);
  },
);

testRemote("Ctrl-C ends stream, not the process", async (setup, server) => {
  await setup.ops(server, "start", "sh", "-c", "echo up; exec sleep 1000");
  await using stream = startProgram(
    setup.clientArguments(server.port, setup.files.watch, "stream", "1"),
  );
  await stream.stdout.match(/^up\n/);
  stream.kill("SIGINT");
  await stream.end();
  assertEquals(await setup.watch(server, "status", "1"), result(0, "running\n"));
});

testRemote("list is a table, or JSON", async (setup, server) => {
  assertEquals((await setup.watch(server, "list")).stdout, "ID  STATE  STARTED  OUTPUT  COMMAND\n");
  await setup.ops(server, "start", "sh", "-c", "echo $0; exit 3", "a\u001b[31m");
  await setup.watch(server, "stream", "1");
  const { code, stdout, stderr } = await setup.ops(server, "list");
  assertEquals([code, stderr], [0, ""]);
  const [head, line, end] = stdout.split("\n");
  assertMatch(head!, /^ID +STATE +STARTED +OUTPUT +COMMAND$/);
  assertMatch(
    line!,
    /^1 +exited: 3 +\d{4}-\d\d-\d\dT\S+Z +7 B +sh -c "echo \$0; exit 3" "a\\u001b\[31m"$/,
  );
  assertEquals(end, "");
  const [process] = JSON.parse((await setup.watch(server, "list", "--json")).stdout);
  assertEquals([process.id, process.state, process.exit_code], ["1", "exited", 3]);
  assertEquals([process.args, process.args_hidden], [[], true]);
});

testRemote("a missing server is reported", async (setup, server) => {
  server.program.kill("SIGTERM");
  await server.program.end();
  const { code, stderr } = await setup.ops(server, "list");
  assertEquals(code, 87);
  assertMatch(
    stderr,
    /^sentinel: error: server does not answer at 127\.0\.0\.1 port \d+: .*ECONNREFUSED.*\n$/,
  );
});

testRemote("curl starts a process and reads its output", async (setup, server) => {
  const { certificate, key } = setup.files.ops;
  const curl = (path: string, ...args: string[]) =>
    runTool(
      "curl",
      ...["-sS", "--fail", "--cacert", setup.authority.certificate, "--cert", certificate],
      ...["--key", key, ...args, `https://127.0.0.1:${server.port}${path}`],
    );
  const body = JSON.stringify({ command: "echo", args: ["hello"] });
  assertEquals(await curl("/v1/processes", "-d", body), '{"id":"1"}\n');
  const output = await curl("/v1/processes/1/output?follow=1");
  assertEquals(output.slice(0, 14), "\x01\0\0\0\0\0\0\x06hello\n");
  assertMatch(output.slice(22), /^\{"end":\{.*"state":"exited"/);
}, [needsProgram("curl")]);

testRemote("SIGTERM stops the processes, and readers get the end", async (setup, server) => {
  await setup.ops(
    server,
    "start",
    "sh",
    "-c",
    "echo $$; trap 'echo bye; exit' TERM; while :; do sleep 0.01; done",
  );
  await using stream = startProgram(
    setup.clientArguments(server.port, setup.files.watch, "stream", "1"),
  );
  const [, pid] = await stream.stdout.match(/^(\d+)\n/);
  server.program.kill("SIGTERM");
  const ended = await stream.end();
  assertEquals(ended.code, 0);
  assertStringIncludes(ended.stdout, "bye\n");
  const { code, stderr } = await server.program.end();
  assertEquals(code, 0);
  assertStringIncludes(stderr, "Received signal SIGTERM, shutting down...");
  assertEquals(await isRunning(Number(pid)), false);
});

testRemote(
  "after kill -9 the records remain, running processes are stopped, and ids continue",
  async (setup, server) => {
    await setup.ops(server, "start", "sh", "-c", "echo first; exit 4");
    await setup.watch(server, "stream", "1");
    await setup.ops(server, "start", "sh", "-c", "echo $$; exec sleep 1000");
    await using stream = startProgram(
      setup.clientArguments(server.port, setup.files.watch, "stream", "2"),
    );
    const [, pid] = await stream.stdout.match(/^(\d+)\n/);
    server.program.kill("SIGKILL");
    await server.program.end();
    const cut = await stream.end();
    assertEquals(cut.code, 87);
    assertMatch(cut.stderr, /^sentinel: error: connection lost before the end of the output/);
    await using next = await setup.serve();
    assertEquals(await isRunning(Number(pid)), false);
    assertEquals(await setup.watch(next, "status", "2"), result(0, "stopped\n"));
    assertEquals(await setup.watch(next, "status", "1"), result(0, "exited: 4\n"));
    assertEquals(await setup.watch(next, "stream", "1"), result(0, "first\n"));
    assertEquals(await setup.ops(next, "start", "true"), result(0, "3\n"));
  },
);

testRemote(
  "a reader that goes away ends stream with 0, and leaves the process",
  async (setup, server) => {
    await setup.ops(server, "start", "sh", "-c", "echo first; exec sleep 1000");
    const args = setup.clientArguments(server.port, setup.files.watch, "stream", "1");
    const wrapper = ["sh", "-c", `{ "$@"; echo $? >&2; } | true`, "sh"];
    assertEquals(await runProgram(args, { wrapper }), result(0, "", "0\n"));
    assertEquals(await setup.watch(server, "status", "1"), result(0, "running\n"));
  },
);
