import type { Surrounding } from "./contract.ts";

/** Says which of these variables, with which the loader takes foreign code into a program, are set. */
export function findPreload(
  names: readonly string[],
  readVariable: (name: string) => string | undefined,
): Surrounding | undefined {
  const set = names.flatMap((name) => {
    const value = readVariable(name);
    return value === undefined || value === "" ? [] : [`${name}=${value}`];
  });
  return set.length === 0 ? undefined : {
    kind: "preload",
    message: "foreign code is loaded into sentinel",
    evidence: set.join(", "),
  };
}
