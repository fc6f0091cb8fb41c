/** What it is done with; `abs` stands for any function of the C library that does nothing but look at its number. */
interface SignalSymbols {
  signal(signal: number, handler: Deno.PointerValue): Deno.PointerValue;
  readonly abs: Deno.PointerValue;
}

/**
 * Takes SIGUSR1 away from the runtime, which listens for a debugger on 127.0.0.1:9229 at that signal, from half a second
 * after its start on and whoever else listens for it (`deno run` since 2.9.2; compiled programs do not). Listening first has
 * the runtime install its handler, which it does once; then another is put in that place. Not SIG_IGN, which programs that
 * we launch would inherit (signal(7)).
 *
 * @param number Of SIGUSR1 on this system.
 * @returns Whether that was possible; without `--allow-ffi` it is not.
 */
export function takeInspectorSignal(symbols: () => SignalSymbols, number: number): boolean {
  // nor does the signal end us then
  Deno.addSignalListener("SIGUSR1", () => {});
  if (Deno.build.standalone) return true;
  try {
    symbols().signal(number, symbols().abs);
    return true;
  } catch {
    return false;
  }
}
