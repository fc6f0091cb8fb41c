import { metrics, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Clock } from "../core/clock.ts";
import type { Telemetry } from "./audit.ts";

/** Instrumentation scope of the spans and metrics. */
const SCOPE = "sentinel.remote";

/** Reports to the OpenTelemetry API; the runtime exports spans and metrics if `OTEL_DENO` is set. */
export function openTelemetry(clock: Clock): Telemetry {
  const tracer = trace.getTracer(SCOPE), meter = metrics.getMeter(SCOPE);
  const requests = meter.createHistogram("sentinel.remote.request.duration", { unit: "ms" });
  const handshakes = meter.createCounter("sentinel.remote.handshakes.failed");
  const processes = meter.createCounter("sentinel.remote.processes.started");
  const readers = meter.createUpDownCounter("sentinel.remote.readers");
  const sent = meter.createCounter("sentinel.remote.output.sent", { unit: "By" });
  return {
    request(route, role) {
      const attributes = { "http.route": route, "sentinel.role": role };
      const span = tracer.startSpan(route, { kind: SpanKind.SERVER, attributes });
      const startMs = clock.monotonicMs();
      return (status) => {
        span.setAttribute("http.response.status_code", status);
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
        requests.record(clock.monotonicMs() - startMs, { ...attributes, status });
      };
    },
    handshakeFailed: () => handshakes.add(1),
    processStarted: () => processes.add(1),
    readers: (change) => readers.add(change),
    outputSent: (bytes) => sent.add(bytes),
  };
}
