/** Components of a hardware fingerprint, in printed order. */
export const COMPONENTS = ["machine_id", "cpu", "disk", "board", "mac", "cpu_model"] as const;

export type ComponentName = (typeof COMPONENTS)[number];

/** A component's trimmed value from one place, or the reason why it cannot be read. */
export type Reading = { readonly value: string } | { readonly error: string };

/** One place to read a component from. */
export interface ComponentSource {
  /** File or call, as text for people. */
  readonly place: string;
  /** Whether every machine of the same model has the same value (default: no). */
  readonly isOfModel?: true;
  /** Never throws. */
  read(): Reading | Promise<Reading>;
}

/** Places to read each component from, in order of preference. */
export type FingerprintSources = Readonly<Record<ComponentName, readonly ComponentSource[]>>;

/**
 * Addresses that software gives to virtual interfaces, the same on every machine that has it: VMware's host adapters, the WAN
 * miniports of Windows and Juniper's and Cisco's VPN clients (GLPI, FusionInventory's blacklist of MAC addresses), and
 * virtual routers (RFC 5798, section 7.3).
 */
const SHARED_ADDRESSES =
  /^(?:00:50:56:c0:00:|20:41:53:59:4e:ff|50:50:54:50:30:30|24:b6:20:52:41:53|00:0b:ca:fe:00:|00:05:9a:3c:7a:00|00:00:5e:00:0[12]:)/;

/** Returns the lowest universally administered unicast address (`3c:7c:3f:00:00:01`, lower case). */
export function findLowestMacAddress(addresses: readonly string[]): Reading {
  const [lowest] = addresses.filter(isUniversalMacAddress).toSorted();
  return lowest === undefined
    ? { error: "no physical interface with a universally administered address" }
    : { value: lowest };
}

/** IEEE 802: bit 0 of the first octet marks group addresses, bit 1 locally administered ones. */
function isUniversalMacAddress(address: string): boolean {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(address) || /^[0:]+$/.test(address)) return false;
  if (SHARED_ADDRESSES.test(address)) return false;
  return (Number.parseInt(address.slice(0, 2), 16) & 0b11) === 0;
}

/** Numbers from an SMBIOS table (DMTF DSP0134); `undefined` if the table has none. */
export interface SmbiosNumbers {
  /** Type 4, offset 8: 16 hex digits, most significant byte first, as Windows prints it. */
  readonly processorId: string | undefined;
  /** Type 2, offset 7. */
  readonly boardSerial: string | undefined;
}

const HEADER_BYTES = 4;
const BOARD = 2, PROCESSOR = 4;

/** Reads the first processor and the first board of a structure table; stops at a truncated structure. */
export function readSmbios(table: Uint8Array): SmbiosNumbers {
  let processorId: string | undefined, boardSerial: string | undefined;
  for (let start = 0; start + HEADER_BYTES <= table.length;) {
    const [type, length] = [table[start]!, table[start + 1]!];
    if (length < HEADER_BYTES) break;
    const fixed = table.subarray(start, start + length);
    const end = findStringsEnd(table, start + length);
    if (end > table.length) break;
    const strings = new TextDecoder("latin1").decode(table.subarray(start + length, end)).split(
      "\0",
    );
    if (type === PROCESSOR && fixed.length >= 16) {
      processorId ??= fixed.slice(8, 16).reverse().toHex().toUpperCase();
    }
    // strings are counted from 1
    if (type === BOARD && fixed.length > 7) boardSerial ??= strings[fixed[7]! - 1]?.trim();
    start = end;
  }
  return { processorId, boardSerial };
}

/** Returns the offset after the two zero bytes that end a structure's strings; beyond the table if they are missing. */
function findStringsEnd(table: Uint8Array, start: number): number {
  let end = start;
  while (end + 1 < table.length && (table[end] !== 0 || table[end + 1] !== 0)) end++;
  return end + 2;
}
