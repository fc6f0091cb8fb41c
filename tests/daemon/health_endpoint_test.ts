import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import {
  type HealthEndpoint,
  HealthEndpointError,
  type HealthReport,
  openHealthEndpoint,
} from "../../src/daemon/health_endpoint.ts";
import { RecordingLog } from "../support/recording_log.ts";

const REPORT: HealthReport = {
  status: "healthy",
  state: "running",
  checks: { process: "ok" },
  consecutive_failures: 0,
  uptime_seconds: 1,
};

function open({ isHealthy = true, listen = "127.0.0.1:0" } = {}): Promise<HealthEndpoint> {
  return openHealthEndpoint({
    listen,
    read: () => REPORT,
    isHealthy: () => isHealthy,
    clock: systemClock,
    log: new RecordingLog(),
  });
}

async function ask({ port }: HealthEndpoint, path: string, method = "GET") {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const TEXT = JSON.stringify(REPORT) + "\n";

const ANSWERS:
  readonly (readonly [request: string, isHealthy: boolean, status: number, text: string])[] = [
    ["GET /health", true, 200, TEXT],
    ["GET /health?verbose", true, 200, TEXT],
    ["GET /health", false, 503, TEXT],
    ["HEAD /health", true, 200, ""],
    ["HEAD /health", false, 503, ""],
    ["POST /health", true, 405, ""],
    ["GET /", true, 404, ""],
    ["GET /health/x", true, 404, ""],
    ["POST /x", true, 404, ""],
  ];

for (const [request, isHealthy, status, text] of ANSWERS) {
  Deno.test(`${request} is ${status} where all is ${isHealthy ? "" : "not "}well`, async () => {
    await using endpoint = await open({ isHealthy });
    const [method, path] = request.split(" ");
    const answer = await ask(endpoint, path!, method);
    assertEquals([answer.status, answer.text], [status, text]);
  });
}

Deno.test("the report is JSON that is not cached, and other methods get the allowed ones", async () => {
  await using endpoint = await open();
  const { headers } = await ask(endpoint, "/health");
  assertEquals([headers.get("content-type"), headers.get("cache-control")], [
    ...["application/json", "no-store"],
  ]);
  assertEquals((await ask(endpoint, "/health", "DELETE")).headers.get("allow"), "GET, HEAD");
});

Deno.test("an address in use is an error that names it", async () => {
  await using endpoint = await open();
  const listen = `127.0.0.1:${endpoint.port}`;
  const { code, message } = await assertRejects(() => open({ listen }), HealthEndpointError);
  const [, named, why] = /^health\.listen cannot be served: (\S+) \((.+)\)$/.exec(message)!;
  assertEquals([code, named, /EADDRINUSE/.test(why!)], ["config.health_listen", listen, true]);
});
