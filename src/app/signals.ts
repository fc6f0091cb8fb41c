import type { Logger } from "../core/log.ts";
import { selectPlatform } from "../platform/select.ts";

/** Has the runtime let no debugger in at a signal; to be called before keys are read. */
export function keepDebuggersOut(log: Logger): void {
  if (!selectPlatform().keepInspectorShut()) {
    log.warn("a debugger may be let in by SIGUSR1: the permission --allow-ffi is missing");
  }
}

/** Resolves with the first signal that asks the program to stop; a second one then has its usual effect. */
export function waitForStopSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  const listeners = new Map<Deno.Signal, () => void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const listener = () => {
      for (const [name, other] of listeners) Deno.removeSignalListener(name, other);
      resolve(signal);
    };
    try {
      Deno.addSignalListener(signal, listener);
      listeners.set(signal, listener);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return promise;
}

/** Calls the listener on each such signal, until the function that it returns is called. */
export function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}
