import type { UserKeyring } from "./contract.ts";
import { readRegistryBytes, removeRegistryValue, writeRegistryBytes } from "./windows_registry.ts";

/** The user's part of the registry, which is in no folder that a copy of the state would take along. */
export const registryKeyring: UserKeyring = {
  read: (name) => readRegistryBytes(placeOf(name)),
  write: (name, content) => void writeRegistryBytes(placeOf(name), content),
  remove: (name) => removeRegistryValue(placeOf(name)),
};

function placeOf(name: string) {
  return { hive: "HKCU", key: "Software\\sentinel-drm", name } as const;
}
