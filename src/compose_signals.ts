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
