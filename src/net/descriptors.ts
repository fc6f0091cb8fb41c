/** Exists on every system with a limit of descriptors. */
const NULL_DEVICE = "/dev/null";

/**
 * Counts how many more files this process can open, at most `most`, by opening them: the runtime does not tell its limit.
 * `most` if the system has no such device, or the runtime does not permit it. Takes 20 µs for each.
 */
export function countSpareDescriptors(most: number): number {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < most) files.push(Deno.openSync(NULL_DEVICE));
  } catch (error) {
    return isOutOfDescriptors(error) ? files.length : most;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}

/** Whether an error is the system's EMFILE or ENFILE. */
function isOutOfDescriptors(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === "EMFILE" || code === "ENFILE";
}

/** The part of a process's spare descriptors that the connections of a listener may take. */
export interface DescriptorShare {
  /** Connections. */
  readonly connections: number;
  /** Connections that wait in the kernel: the runtime accepts all of them at once, before it closes those that it refuses. */
  readonly backlog: number;
}

/** The default of `net.Server.listen()` in Node.js. */
const DEFAULT_BACKLOG = 511;

/**
 * Divides the descriptors that are left: half to the connections, at most `most`, a quarter to those that are refused, and the
 * rest to files.
 */
export function shareDescriptors(most: number): DescriptorShare {
  const spare = countSpareDescriptors(2 * most + DEFAULT_BACKLOG);
  return {
    connections: Math.max(1, Math.min(most, Math.floor(spare / 2))),
    backlog: Math.max(1, Math.min(DEFAULT_BACKLOG, Math.floor(spare / 4))),
  };
}
