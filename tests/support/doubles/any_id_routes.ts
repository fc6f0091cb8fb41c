import { findRoute as findStrictly, type Found } from "../../../src/remote/routes.ts";

export type * from "../../../src/remote/routes.ts";

/** For `src/remote/routes.ts`: whatever stands in the place of an id is one, once it is decoded. */
export function findRoute(method: string, target: string): Found {
  const [, id, action] = /^\/v1\/processes\/([^/?]+)(.*)$/.exec(target) ?? [];
  if (id === undefined) return findStrictly(method, target);
  const found = findStrictly(method, `/v1/processes/1${action}`);
  return "route" in found ? { ...found, id: decodeURIComponent(id) } : found;
}
