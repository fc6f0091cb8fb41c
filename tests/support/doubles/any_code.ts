export * from "../../../src/platform/linux/loaded_code.ts";

/** For `src/platform/linux/loaded_code.ts`: code of any library may run in the process. */
export function findForeignClock(): undefined {
  return undefined;
}

export function findForeignLibrary(): undefined {
  return undefined;
}
