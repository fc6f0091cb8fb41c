// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch } from "@std/assert";
import { post, PROBLEM, testServed } from "../support/served_processes.ts";

const BAD_STARTS: [string, unknown, RegExp][] = [
  ["no body", "", /not JSON/],
  ["garbage", "{]", /not JSON/],
  ["a body nested too deep", "[".repeat(100_000), /nested too deep/],
  ["a key twice", '{"command":"a","command":"b"}', /twice/],
  ["an array", [], /must be an object/],
  ["null", "null", /must be an object/],
  ["no command", {}, /command is missing/],
  ["an empty command", { command: "" }, /command must not be empty/],
  ["a command with NUL", { command: "a\0b" }, /command must not hold NUL/],
  ["a command that is not text", { command: 1 }, /command must be text/],
  ["arguments that are not a list", { command: "a", args: "b" }, /args must be a list/],
  ["an argument that is not text", { command: "a", args: ["b", 1] }, /args\.1 must be text/],
  ["an environment that is a list", { command: "a", env: [] }, /env must be an object/],
  ["a variable with = in its name", { command: "a", env: { "A=B": "" } }, /must not hold =/],
  ["a variable that is not text", { command: "a", env: { A: 1 } }, /env\.A must be text/],
  ["a relative folder", { command: "a", cwd: "tmp" }, /cwd must be an absolute path/],
  [
    "a negative limit",
    { command: "a", limits: { processes: -1 } },
    /limits\.processes must be a whole/,
  ],
  ["an unknown limit", { command: "a", limits: { x: 1 } }, /unknown field: limits\.x/],
  ["an unknown field", { command: "a", arguments: [] }, /unknown field: arguments/],
  ["__proto__", '{"command":"a","__proto__":{}}', /unknown field: __proto__/],
];

for (const [what, body, detail] of BAD_STARTS) {
  testServed(`a start with ${what} is malformed`, async (served, processes) => {
    const answer = await served.ask("/v1/processes", post(body));
    assertEquals([answer.status, answer.type], [400, PROBLEM]);
    assertMatch(answer.body.detail, detail);
    assertEquals(processes.started, []);
  });
}

for (
  const [body, detail] of [
    [{ signal: "SIGSTOP" }, /signal must be one of SIGTERM, /],
    [{ signal: 9 }, /signal must be one of/],
    [{ grace_ms: 1.5 }, /grace_ms must be a whole number/],
    [{ grace_ms: 1e9 }, /grace_ms must be at most/],
    [{ force: true }, /unknown field: force/],
  ] as const
) {
  testServed(`a stop with ${JSON.stringify(body)} is malformed`, async (served, processes) => {
    const answer = await served.ask("/v1/processes/1/stop", post(body));
    assertEquals(answer.status, 400);
    assertMatch(answer.body.detail, detail);
    assertEquals(processes.stops, []);
  });
}

testServed("a body that is not UTF-8 is malformed", async (served) => {
  const body = Uint8Array.of(0x22, 0xff, 0x22);
  const answer = await served.ask("/v1/processes", { method: "POST", body });
  assertEquals([answer.status, answer.body.detail], [400, "the body is not UTF-8"]);
});

for (
  const id of ["2", "0", "-1", "1e9", "01", "+1", "1.0", "%31", "..", "x", "1".repeat(400), ""]
) {
  testServed(`no process has the id ${JSON.stringify(id.slice(0, 20))}`, async (served) => {
    using raw = await served.connect();
    await raw.send(`GET /v1/processes/${id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const answer = await raw.read();
    assertMatch(answer, /^HTTP\/1\.1 404 .*"detail":"process not found"/s);
  });
}

for (
  const [target, status] of [
    ["/", 404],
    ["/v1/processes/../../etc/passwd", 404],
    ["/v1/processes/1/../1", 404],
    ["/v1/processes/1/", 404],
    ["/v1//processes", 404],
    ["/V1/processes", 404],
    ["/v1/processes/1/stop/", 404],
    ["https://a/v1/processes", 404],
    ["/v1/processes?x=1", 400],
    ["/v1/processes/1/output?follow=2", 400],
    ["/v1/processes/1/output?follow=1&follow=1", 400],
    ["/v1/processes/1/output?offset=-1", 400],
    ["/v1/processes/1/output?offset=1e9", 400],
    ["/v1/processes/1/output?offset=99999999999999999999", 400],
    ["/v1/processes/1/output?stream=stdin", 400],
    ["/v1/processes/1/output?tail=1", 400],
    ["/v1/processes/1/output?__proto__=1", 400],
  ] as const
) {
  testServed(`GET ${target} is answered with ${status}`, async (served) => {
    using raw = await served.connect();
    await raw.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const answer = await raw.read();
    assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} .*application/problem\\+json`, "s"));
  });
}

for (
  const [method, path] of [["PUT", "/v1/processes"], ["DELETE", "/v1/processes/1"], [
    "GET",
    "/v1/processes/1/stop",
  ]] as const
) {
  testServed(`${method} ${path} is not allowed`, async (served) => {
    const response = await served.fetch(path, { method });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.has("allow")], [405, true]);
  });
}

for (const header of ["Origin", "Sec-Fetch-Site"]) {
  testServed(
    `a request from a browser, with ${header}, is refused`,
    async (served, processes) => {
      using raw = await served.connect();
      // closing with unread data resets the connection, and the server may see nothing
      await raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      await raw.read(/\r\n\r\n/);
      await raw.send(
        `POST /v1/processes HTTP/1.1\r\nHost: a\r\n${header}: https://evil.example\r\n` +
          `Connection: close\r\nContent-Length: 15\r\n\r\n{"command":"x"}`,
      );
      assertMatch(await raw.read(), /^HTTP\/1\.1 403 /);
      assertEquals(processes.started, []);
    },
  );
}

for (const path of ["/v1/processes", "/v1/processes/1/stop"]) {
  testServed(
    `a body of ${path} over 1 MiB is refused by its announced length, before it is sent`,
    async (served, processes) => {
      using raw = await served.connect();
      await raw.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n`);
      assertMatch(await raw.read(), /^HTTP\/1\.1 413 .*exceeds 1 MiB/s);
      assertEquals([processes.started, processes.stops], [[], []]);
    },
  );
}

testServed("a body over 1 MiB in chunks is refused, and the connection closed", async (served) => {
  using raw = await served.connect();
  await raw.send(`POST /v1/processes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
  await raw.send(chunk.repeat(17)).catch(() => {});
  assertMatch(await raw.read(), /^HTTP\/1\.1 413 /);
});

testServed("a body of exactly 1 MiB is read", async (served, processes) => {
  const body = JSON.stringify({ command: "a", args: [""] });
  const padded = body.replace('""', `"${"x".repeat(2 ** 20 - body.length)}"`);
  assertEquals((await served.ask("/v1/processes", post(padded))).status, 201);
  assertEquals(processes.started[0]!.args[0]!.length, 2 ** 20 - body.length);
});

testServed(
  "a request that ends in the middle of its body starts nothing",
  async (served, processes) => {
    {
      using raw = await served.connect();
      // closing with unread data resets the connection, and the server may see nothing
      await raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      await raw.read(/\r\n\r\n/);
      await raw.send(
        "POST /v1/processes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" +
          "Content-Length: 50\r\n\r\n",
      );
      // the server has the request before the client disconnects
      await raw.read(/100 Continue\r\n\r\n/);
      await raw.send('{"command":"x"}');
    }
    await served.fixture.audit(/^refused: 400 the body did not arrive whole/);
    assertEquals(processes.started, []);
  },
);

testServed("anything but HTTP over TLS is answered and the connection closed", async (served) => {
  using raw = await served.connect();
  await raw.send("\x01\x02 garbage\r\n\r\n");
  assertMatch(await raw.read(), /^(?:HTTP\/1\.1 400 .*)?$/s);
  assertEquals((await served.ask("/healthz")).status, 200);
});

testServed("headers without end are refused", async (served) => {
  using raw = await served.connect();
  await raw.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(32_768)}\r\n\r\n`).catch(() => {});
  assertMatch(await raw.read(), /^(?:HTTP\/1\.1 431 .*)?$/s);
  assertEquals((await served.ask("/healthz")).status, 200);
});

testServed(
  "a client that has shut down its side still gets its answer, or is disconnected",
  async (served) => {
    using raw = await served.connect();
    await raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await raw.conn.closeWrite();
    assertMatch(await raw.read(), /^(?:HTTP\/1\.1 200 .*)?$/s);
    assertEquals((await served.ask("/healthz")).status, 200);
  },
);

testServed(
  "two requests on one connection, the second sent before the first is answered",
  async (served) => {
    using raw = await served.connect();
    const request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    await raw.send(request + request);
    assertMatch(await raw.read(/"ok".*"ok"/s), /200 OK.*200 OK/s);
  },
);
