// Not on Windows: the remote server is not held to it yet.
import { assertEquals } from "@std/assert";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

testWith(
  [needsProgram("openssl"), needsProgram("env")],
  "spans and metrics reach a collector if OTEL_DENO is set",
  async () => {
    const bodies = new Map<string, string>(), changed = new EventTarget();
    await using collector = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const { pathname } = new URL(request.url);
        const text = new TextDecoder().decode(await request.arrayBuffer());
        bodies.set(pathname, (bodies.get(pathname) ?? "") + text);
        changed.dispatchEvent(new Event("body"));
        return Response.json({});
      },
    );
    const arrival = async (path: string, text: string) => {
      while (!bodies.get(path)?.includes(text)) {
        await new Promise((resolve) => changed.addEventListener("body", resolve, { once: true }));
      }
    };
    await using setup = await RemoteProgramHarness.open();
    const env = {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    };
    // the runtime hangs at exit with both a collector and coverage to write
    const wrapper = ["env", "--unset=DENO_COVERAGE_DIR"];
    await using server = await setup.serve([], { env, wrapper });
    assertEquals((await setup.ops(server, "start", "true")).stdout, "1\n");
    await setup.ops(server, "start", "echo", "hello");
    assertEquals((await setup.watch(server, "stream", "2")).stdout, "hello\n");
    await arrival("/v1/traces", "POST /v1/processes");
    await arrival("/v1/metrics", "sentinel.remote.output.sent");
    await arrival("/v1/metrics", "sentinel.remote.processes.started");
    await arrival("/v1/metrics", "sentinel.remote.request.duration");
  },
);
