import type { FingerprintSources, Reading } from "./hardware.ts";
import { lowestMakersAddress } from "./makers_address.ts";
import { readSmbios, type SmbiosNumbers } from "./smbios.ts";
import type { RegistryPlace } from "./windows_registry.ts";

/** Where a Windows machine's components come from; each `undefined` where the system does not tell. */
export interface WindowsMachine {
  readText(place: RegistryPlace): string | undefined;
  /** `struct RawSMBIOSData` (GetSystemFirmwareTable). */
  readSmbios(): Uint8Array<ArrayBuffer> | undefined;
  /** Of the disk that the system is on (STORAGE_DEVICE_DESCRIPTOR). */
  readDiskSerial(): string | undefined;
  /** The addresses of all physical interfaces. */
  readAddresses(): readonly string[];
}

const CRYPTOGRAPHY = "SOFTWARE\\Microsoft\\Cryptography";
const PROCESSOR = "HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0";

/** Four bytes of versions and the table's length, before the table. */
const RAW_HEADER_BYTES = 8;

/** Where a Windows machine's components are read from: the registry and calls of the system, no programs. */
export function windowsFingerprintSources(machine: WindowsMachine): FingerprintSources {
  const registry = (key: string, name: string) => machine.readText({ hive: "HKLM", key, name });
  const smbios = (place: string, choose: (numbers: SmbiosNumbers) => string | undefined) => ({
    place: `${place} in SMBIOS`,
    read: () => found(choose(readTable(machine))),
  });
  return {
    machine_id: [{
      place: `HKLM\\${CRYPTOGRAPHY} MachineGuid`,
      read: () => found(registry(CRYPTOGRAPHY, "MachineGuid")),
    }],
    cpu: [smbios("processor id", ({ processorId }) => processorId)],
    disk: [{ place: "serial of disk 0", read: () => found(machine.readDiskSerial()) }],
    board: [smbios("board serial", ({ boardSerial }) => boardSerial)],
    mac: [{
      place: "physical interfaces (GetIfTable2)",
      read: () => lowestMakersAddress(machine.readAddresses()),
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

function found(value: string | undefined): Reading {
  return value === undefined ? { error: "not there" } : { value: value.trim() };
}

/** `Intel64 Family 6 Model 158 Stepping 10`, in the order that Linux has. */
function findModel(identifier: string): Reading {
  const [, family, model, stepping] = /Family (\d+) Model (\d+) Stepping (\d+)/.exec(identifier) ??
    [];
  return stepping === undefined
    ? { error: "has no model, family and stepping" }
    : { value: `model ${model}, family ${family}, stepping ${stepping}` };
}
