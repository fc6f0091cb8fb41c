import type { Surrounding } from "./contract.ts";

/**
 * Where the runtime lets a debugger in: started with `--inspect`, or at a SIGUSR1. A compiled program never does. Without the
 * permission `--allow-sys=inspector` nothing can be seen.
 */
async function inspectorAddress(): Promise<string | undefined> {
  if (Deno.build.standalone) return undefined;
  const { url } = await import("node:inspector");
  try {
    return url();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** A runtime that lets a debugger in. */
export async function findInspector(): Promise<Surrounding | undefined> {
  const address = await inspectorAddress();
  return address === undefined ? undefined : {
    kind: "debugger",
    message: "debugger attached",
    evidence: `the runtime lets one in at ${address}`,
  };
}

/** Lets no debugger in any more; where one was let in until now, `undefined` where none was. */
export async function shutInspector(): Promise<string | undefined> {
  const address = await inspectorAddress();
  if (address !== undefined) (await import("node:inspector")).close();
  return address;
}
