import { describeCauses, describeError } from "../core/errors.ts";
import type { HealthCheck } from "../process/health_monitor.ts";
import type { ProbeFunctions } from "../process/probe.ts";

/**
 * Probes over the network.
 *
 * @param hasAsked Whether the software has asked over the local socket since this was called last.
 */
export function networkProbes(
  { fetch, hasAsked }: { fetch: typeof globalThis.fetch; hasAsked: () => Promise<boolean> },
): ProbeFunctions {
  return {
    ipc: async () =>
      await hasAsked() ? undefined : "it has not asked over the socket since the last check",
    tcp: (hostname, port) => (signal) => connectOnce({ hostname, port }, signal),
    http: (url) => httpCheck(url, fetch),
  };
}

async function connectOnce(
  address: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<undefined> {
  const connection = await Deno.connect({ ...address, signal });
  connection.close();
}

/** Where it redirects to is not what was to be asked. */
function httpCheck(url: string, fetch: typeof globalThis.fetch): HealthCheck {
  return async (signal) => {
    try {
      const { ok, status, body } = await fetch(url, { signal, redirect: "manual" });
      await body?.cancel();
      return ok ? undefined : `HTTP ${status}`;
    } catch (error) {
      return describeFetchFault(error);
    }
  };
}

/** The runtime's own message says no more than that it failed, its cause why, behind the URL, which may hold a secret. */
function describeFetchFault(error: unknown): string {
  const why = describeCauses(error).at(-1) ?? describeError(error);
  return why.replace(/^error sending request for url \(.*?\): /, "");
}
