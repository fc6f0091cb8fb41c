/** For `src/platform/unix/inspector.ts`: SIGUSR1 is left to the runtime. */
export function takeInspectorSignal(): boolean {
  return true;
}
