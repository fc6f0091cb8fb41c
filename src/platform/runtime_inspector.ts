import type { TamperDetection } from "./contract.ts";

/**
 * Returns the address of the runtime's inspector, which `--inspect` or SIGUSR1 opens. A compiled program has none; without
 * `--allow-sys=inspector` it is not visible.
 */
async function readInspectorAddress(): Promise<string | undefined> {
  if (Deno.build.standalone) return undefined;
  const { url } = await import("node:inspector");
  try {
    return url();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Detects an open inspector. */
export async function findInspector(): Promise<TamperDetection | undefined> {
  const address = await readInspectorAddress();
  return address === undefined ? undefined : {
    kind: "debugger",
    message: "debugger attached",
    evidence: `the runtime's inspector listens at ${address}`,
  };
}

/** Closes the inspector; resolves with its address, or `undefined` if it was not open. */
export async function closeInspector(): Promise<string | undefined> {
  const address = await readInspectorAddress();
  if (address !== undefined) (await import("node:inspector")).close();
  return address;
}
