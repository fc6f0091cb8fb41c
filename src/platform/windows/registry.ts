import { advapi32 } from "../../../ffi/advapi32.ts";
import { encodeWide } from "./handles.ts";
import type { UserKeyring } from "../contract.ts";

/** winreg.h: root keys, sign-extended. */
const HIVES = {
  HKLM: 0xFFFF_FFFF_8000_0002n,
  HKCU: 0xFFFF_FFFF_8000_0001n,
} as const;

/** RRF_RT_REG_SZ, RRF_RT_REG_BINARY; RRF_SUBKEY_WOW6464KEY: the 64-bit view. */
const ANY_TEXT = 0x2, ANY_BINARY = 0x8, NATIVE_VIEW = 0x1_0000;

const REG_BINARY = 3, FIRST_BYTES = 1024, MORE_DATA = 234;

export interface RegistryPlace {
  readonly hive: keyof typeof HIVES;
  readonly key: string;
  readonly name: string;
}

/** Reads a REG_SZ value; `undefined` if it does not exist. */
export function readRegistryText(place: RegistryPlace): string | undefined {
  const bytes = read(place, ANY_TEXT | NATIVE_VIEW);
  if (bytes === undefined) return undefined;
  const text = new TextDecoder("utf-16le").decode(bytes);
  return text.replace(/\0+$/, "");
}

function readRegistryBytes(place: RegistryPlace): Uint8Array<ArrayBuffer> | undefined {
  return read(place, ANY_BINARY | NATIVE_VIEW);
}

/** Writes a REG_BINARY value and creates a missing key; false on failure. */
function writeRegistryBytes(
  { hive, key, name }: RegistryPlace,
  bytes: Uint8Array<ArrayBuffer>,
): boolean {
  const { RegSetKeyValueW } = advapi32();
  const { length } = bytes;
  return RegSetKeyValueW(
    HIVES[hive],
    encodeWide(key),
    encodeWide(name),
    REG_BINARY,
    bytes,
    length,
  ) ===
    0;
}

function removeRegistryValue({ hive, key, name }: RegistryPlace): void {
  advapi32().RegDeleteKeyValueW(HIVES[hive], encodeWide(key), encodeWide(name));
}

function read(
  { hive, key, name }: RegistryPlace,
  flags: number,
): Uint8Array<ArrayBuffer> | undefined {
  for (let size = FIRST_BYTES;;) {
    const data = new Uint8Array(size), length = new Uint32Array([size]);
    const { RegGetValueW } = advapi32();
    const place = [HIVES[hive], encodeWide(key), encodeWide(name)] as const;
    const error = RegGetValueW(...place, flags, null, data, length);
    if (error === 0) return data.slice(0, length[0]!);
    if (error !== MORE_DATA || length[0]! <= size) return undefined;
    size = length[0]!;
  }
}

/** Keyring in the user's registry, which no copy of the state folder includes. */
export const registryKeyring: UserKeyring = {
  read: (name) => readRegistryBytes(locateReplica(name)),
  write: (name, content) => void writeRegistryBytes(locateReplica(name), content),
  remove: (name) => removeRegistryValue(locateReplica(name)),
};

function locateReplica(name: string) {
  return { hive: "HKCU", key: "Software\\sentinel-drm", name } as const;
}
