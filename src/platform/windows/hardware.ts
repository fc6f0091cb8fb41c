import {
  findLowestMacAddress,
  type FingerprintSources,
  type Reading,
  readSmbios,
  type SmbiosNumbers,
} from "../hardware_ids.ts";
import { readRegistryText, type RegistryPlace } from "./registry.ts";
import { iphlpapi } from "../../../ffi/iphlpapi.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import { isError } from "./pipe.ts";
import { makeObjectAttributes } from "./handles.ts";

/** Sources of a Windows machine's numbers; `undefined` if the system has none. */
interface WindowsMachine {
  readText(place: RegistryPlace): string | undefined;
  /** `struct RawSMBIOSData` (GetSystemFirmwareTable). */
  readSmbios(): Uint8Array<ArrayBuffer> | undefined;
  /** Serial of disk 0 (STORAGE_DEVICE_DESCRIPTOR). */
  readDiskSerial(): string | undefined;
  /** MAC addresses of all physical interfaces. */
  readAddresses(): readonly string[];
}

const CRYPTOGRAPHY = "SOFTWARE\\Microsoft\\Cryptography";
const PROCESSOR = "HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0";

/** Versions and length before the table. */
const RAW_HEADER_BYTES = 8;

/** Returns the sources of a Windows machine's components: the registry and system calls, no programs. */
export function createWindowsFingerprintSources(machine: WindowsMachine): FingerprintSources {
  const registry = (key: string, name: string) => machine.readText({ hive: "HKLM", key, name });
  const smbios = (place: string, choose: (numbers: SmbiosNumbers) => string | undefined) => ({
    place: `${place} in SMBIOS`,
    read: () => toReading(choose(readTable(machine))),
  });
  return {
    machine_id: [{
      place: `HKLM\\${CRYPTOGRAPHY} MachineGuid`,
      read: () => toReading(registry(CRYPTOGRAPHY, "MachineGuid")),
    }],
    cpu: [{ ...smbios("processor id", ({ processorId }) => processorId), isOfModel: true }],
    disk: [{ place: "serial of disk 0", read: () => toReading(machine.readDiskSerial()) }],
    board: [smbios("board serial", ({ boardSerial }) => boardSerial)],
    mac: [{
      place: "physical interfaces (GetIfTable2)",
      read: () => findLowestMacAddress(machine.readAddresses()),
    }],
    cpu_model: [{
      place: `HKLM\\${PROCESSOR} Identifier`,
      read: () => findModel(registry(PROCESSOR, "Identifier") ?? ""),
    }],
  };
}

function readTable(machine: WindowsMachine): SmbiosNumbers {
  return readSmbios((machine.readSmbios() ?? new Uint8Array()).subarray(RAW_HEADER_BYTES));
}

function toReading(value: string | undefined): Reading {
  return value === undefined ? { error: "not there" } : { value: value.trim() };
}

/** Converts `Intel64 Family 6 Model 158 Stepping 10` to the text of Linux. */
function findModel(identifier: string): Reading {
  const [, family, model, stepping] = /Family (\d+) Model (\d+) Stepping (\d+)/.exec(identifier) ??
    [];
  return stepping === undefined
    ? { error: "has no model, family and stepping" }
    : { value: `model ${model}, family ${family}, stepping ${stepping}` };
}

/** `RSMB`, the provider of raw SMBIOS tables. */
const RSMB = 0x5253_4D42;

/** ntddstor.h: IOCTL_STORAGE_QUERY_PROPERTY; STORAGE_DEVICE_DESCRIPTOR has SerialNumberOffset at 24. */
const QUERY_PROPERTY = 0x002D_1400, SERIAL_OFFSET_AT = 24, DESCRIPTOR_BYTES = 4096;
const SYNCHRONIZE = 0x0010_0000, SHARE_ALL = 7, OPEN = 1, SYNCHRONOUS = 0x20;

/** netioapi.h, MIB_IF_TABLE2: a count, then the rows at 8; MIB_IF_ROW2: size and offsets. */
const ROWS_AT = 8, ROW_BYTES = 1352, LENGTH_AT = 1056, PERMANENT_AT = 1092, FLAGS_AT = 1152;
/** HardwareInterface. */
const IS_HARDWARE = 1;

export const windowsMachine: WindowsMachine = {
  readText: readRegistryText,
  readSmbios() {
    const { GetSystemFirmwareTable } = kernel32();
    const size = GetSystemFirmwareTable(RSMB, 0, null, 0);
    const table = new Uint8Array(size);
    return size > 0 && GetSystemFirmwareTable(RSMB, 0, table, size) === size ? table : undefined;
  },
  readDiskSerial,
  readAddresses,
};

/** Needs no privileges, as it requests no access to the disk's content. */
function readDiskSerial(): string | undefined {
  const handle = new BigUint64Array(1), block = new ArrayBuffer(16);
  const attributes = makeObjectAttributes("\\??\\PhysicalDrive0", { descriptor: 0n });
  const { NtCreateFile, NtDeviceIoControlFile, NtClose } = ntdll();
  const opened = NtCreateFile(
    ...[handle, SYNCHRONIZE, attributes, block, null, 0, SHARE_ALL, OPEN, SYNCHRONOUS] as const,
    ...[null, 0] as const,
  );
  if (isError(opened)) return undefined;
  try {
    // an all-zero STORAGE_PROPERTY_QUERY: StorageDeviceProperty, PropertyStandardQuery
    const query = new Uint8Array(12), descriptor = new Uint8Array(DESCRIPTOR_BYTES);
    const asked = NtDeviceIoControlFile(
      ...[handle[0]!, 0n, 0n, 0n, block, QUERY_PROPERTY, query, query.length] as const,
      ...[descriptor, DESCRIPTOR_BYTES] as const,
    );
    if (isError(asked)) return undefined;
    const at = new DataView(descriptor.buffer).getUint32(SERIAL_OFFSET_AT, true);
    if (at === 0 || at >= DESCRIPTOR_BYTES) return undefined;
    const text = descriptor.subarray(at, descriptor.indexOf(0, at));
    return new TextDecoder().decode(text).trim();
  } finally {
    NtClose(handle[0]!);
  }
}

/** Reads the permanent addresses of the physical interfaces, as `3c:7c:3f:00:00:01`. */
function readAddresses(): string[] {
  const table = new BigUint64Array(1);
  const { GetIfTable2, FreeMibTable } = iphlpapi();
  if (GetIfTable2(table) !== 0) return [];
  try {
    const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(table[0]!)!);
    const rows = Array.from({ length: view.getUint32() }, (_, i) => ROWS_AT + i * ROW_BYTES);
    return rows
      .filter((row) => (view.getUint8(row + FLAGS_AT) & IS_HARDWARE) !== 0)
      .filter((row) => view.getUint32(row + LENGTH_AT) === 6)
      .map((row) => {
        const bytes = new Uint8Array(view.getArrayBuffer(6, row + PERMANENT_AT));
        return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
      });
  } finally {
    FreeMibTable(table[0]!);
  }
}
