// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch } from "@std/assert";
import { post, PROBLEM, testServed } from "../support/served_processes.ts";

testServed(
  "a process is started with what the request says, and nothing else",
  async (served, processes) => {
    const body = {
      command: "make",
      args: ["a b", "--", "-x", ""],
      env: { A: "1" },
      cwd: "/tmp",
      limits: { open_files: 10, max_output_bytes: 5 },
    };
    assertEquals(await served.ask("/v1/processes", post(body)), {
      status: 201,
      type: "application/json",
      body: { id: "2" },
    });
    assertEquals(processes.started, [{
      command: "make",
      args: ["a b", "--", "-x", ""],
      env: { A: "1" },
      cwd: "/tmp",
      limits: {
        openFiles: 10,
        coreBytes: undefined,
        addressSpaceBytes: undefined,
        processes: undefined,
        fileBytes: undefined,
      },
      maxOutputBytes: 5,
    }]);
    const { outcome, client, process, command, args } = served.fixture.audited[0]!;
    assertEquals([outcome, client, process, command, args], [
      "started",
      { cn: "ops", role: "control" },
      "2",
      "make",
      ["a b", "--", "-x", ""],
    ]);
  },
);

testServed("status, list and stop tell the process's state", async (served, processes) => {
  const running = {
    id: "1",
    command: "sleep",
    args: ["9"],
    state: "running",
    started_at: "1970-01-01T00:00:00.000Z",
    output_bytes: 0,
  };
  assertEquals((await served.ask("/v1/processes/1")).body, running);
  assertEquals((await served.ask("/v1/processes")).body, [running]);
  const stopped = await served.ask("/v1/processes/1/stop", post({ signal: "SIGINT", grace_ms: 5 }));
  assertEquals(stopped.body, {
    ...running,
    state: "stopped",
    ended_at: "1970-01-01T00:00:01.000Z",
  });
  assertEquals(processes.stops, [["1", { signal: "SIGINT", graceMs: 5 }]]);
  assertEquals((await served.ask("/v1/processes/1/stop", { method: "POST" })).status, 200);
  assertEquals(served.fixture.audited.map(({ action, outcome }) => [action, outcome]), [
    ["read", "done"],
    ["read", "done"],
    ["stop", "stopped"],
    ["stop", "stopped"],
  ]);
});

testServed(
  "a restart is answered with the new process, or with why not",
  async (served, processes) => {
    const restart = () => served.ask("/v1/processes/1/restart", { method: "POST" });
    assertEquals((await restart()).status, 404);
    processes.restartOutcome = { kind: "refused", why: "not this one" };
    const refused = await restart();
    assertEquals([refused.status, refused.type, refused.body.detail], [
      409,
      PROBLEM,
      "not this one",
    ]);
    processes.restartOutcome = { kind: "restarted", id: "2" };
    const restarted = await restart();
    assertEquals([restarted.status, restarted.body], [201, { id: "2" }]);
    assertEquals(processes.restarts, ["1", "1", "1"]);
    assertEquals(
      served.fixture.audited.map(({ action, outcome, process }) => [action, outcome, process]),
      [
        ["restart", "refused: 404 process not found", "1"],
        ["restart", "refused: 409 not this one", "1"],
        ["restart", "restarted as 2", "1"],
      ],
    );
  },
);

testServed("how a process ended is told: status or signal", async (served, processes) => {
  processes.end("1", { state: "exited", exitCode: 0 });
  assertEquals((await served.ask("/v1/processes/1")).body.exit_code, 0);
  processes.end("1", { state: "killed", exitCode: undefined, signal: "SIGSEGV" });
  assertEquals((await served.ask("/v1/processes/1")).body.signal, "SIGSEGV");
});

for (
  const [path, init] of [
    ["/v1/processes", post({ command: "id" })],
    ["/v1/processes/1/stop", post({})],
    ["/v1/processes/1/restart", { method: "POST" }],
  ] as const
) {
  testServed(`who may only observe is refused at POST ${path}`, async (served, processes) => {
    const answer = await served.ask(path, { ...init, files: served.fixture.files.observe });
    assertEquals([answer.status, answer.type], [403, PROBLEM]);
    assertEquals(answer.body.detail, "permission denied: this certificate may only observe");
    assertEquals([processes.started, processes.stops, processes.restarts], [[], [], []]);
    assertMatch(served.fixture.audited[0]!.outcome, /^refused: 403 /);
  });
}

testServed("a list goes no further than its reader", async (served, processes) => {
  const over = Promise.withResolvers<void>();
  const view = processes.views.get("1")!;
  processes.list = async function* () {
    try {
      for (;;) yield view;
    } finally {
      over.resolve();
    }
  };
  {
    using raw = await served.connect();
    await raw.send("GET /v1/processes HTTP/1.1\r\nHost: a\r\n\r\n");
    await raw.read(/sleep/);
  }
  await over.promise;
});

testServed("a launch that fails is a conflict with the reason", async (served, processes) => {
  processes.outcome = { kind: "refused", why: "software not found: /nope" };
  const answer = await served.ask("/v1/processes", post({ command: "/nope" }));
  assertEquals([answer.status, answer.body.detail], [409, "software not found: /nope"]);
});
