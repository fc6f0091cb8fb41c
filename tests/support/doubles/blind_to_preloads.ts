/** For `src/platform/unix/preload_variables.ts`: nobody looks which variables load code. */
export function findPreload(): undefined {
  return undefined;
}
