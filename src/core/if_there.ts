/**
 * The result of something that is done with a file or a process; `undefined` if it is not there (ENOENT, ESRCH).
 *
 * @throws what else the system says.
 *
 * @example
 * ```ts
 * const text = await ifThere(Deno.readTextFile(path)) ?? "";
 * ```
 */
export async function ifThere<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The same, without waiting. */
export function ifThereSync<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
