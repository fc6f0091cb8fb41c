/** Longer than anything that a test waits for: for those that fail, which are to say what did not come. */
const PATIENCE_MS = 120_000;

/**
 * What the promise resolves with.
 *
 * @throws {Error} with what `describe` says where it takes too long.
 */
export async function within<T>(promise: Promise<T>, describe: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(describe())), PATIENCE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
