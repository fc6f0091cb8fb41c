/** `abs` serves as a signal handler without effect. */
interface SignalSymbols {
  signal(signal: number, handler: Deno.PointerValue): Deno.PointerValue;
  readonly abs: Deno.PointerValue;
}

/**
 * Replaces the runtime's handler of SIGUSR1, which opens the inspector on 127.0.0.1:9229 even if the program listens for the
 * signal (`deno run` since 2.9.2; compiled programs do not). The runtime installs its handler once, so a listener forces
 * that first. SIG_IGN is no choice, as children would inherit it (signal(7)).
 *
 * @param number SIGUSR1 on this system.
 * @returns False without `--allow-ffi`.
 */
export function takeInspectorSignal(symbols: () => SignalSymbols, number: number): boolean {
  // also keeps the signal from ending this process
  Deno.addSignalListener("SIGUSR1", () => {});
  if (Deno.build.standalone) return true;
  try {
    symbols().signal(number, symbols().abs);
    return true;
  } catch {
    return false;
  }
}
