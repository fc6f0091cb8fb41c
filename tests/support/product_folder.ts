import type { ProductFolder } from "../../src/state/product_folder.ts";

/** A given folder, with its replicas where version 0.1 had them. */
export function givenFolder(path: string): ProductFolder {
  const machine = "0123456789abcdef";
  return { path, machine, scope: undefined, keepsOuterReplica: true, shared: undefined };
}
