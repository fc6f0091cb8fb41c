/** For `src/platform/unix/preload_variables.ts`: does not check which variables load code. */
export function findPreload(): undefined {
  return undefined;
}
