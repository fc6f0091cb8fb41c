import type { ComponentSource, FingerprintSources, Reading } from "./hardware.ts";
import { readSmbios, type SmbiosNumbers } from "./smbios.ts";

/** One value of the registry as `reg query KEY /v NAME` prints it, without type and name; `undefined` where there is none. */
export type ReadRegistry = (key: string, name: string) => Promise<string | undefined>;

const SMBIOS_KEY = String.raw`HKLM\SYSTEM\CurrentControlSet\Services\mssmbios\Data`;
const MACHINE_KEY = String.raw`HKLM\SOFTWARE\Microsoft\Cryptography`;
const PROCESSOR_KEY = String.raw`HKLM\HARDWARE\DESCRIPTION\System\CentralProcessor\0`;

/** `struct RawSMBIOSData`: four bytes of versions and the table's length (GetSystemFirmwareTable). */
const RAW_HEADER_BYTES = 8;

/**
 * Where a Windows machine's components are read from, the registry alone. Disk 0's serial number and the addresses of the
 * interfaces need calls of the system that are not made here yet; without the former there is no v1. Written from the
 * documents and tested with recorded answers; it has not been run on Windows.
 */
export function windowsFingerprintSources(readRegistry: ReadRegistry): FingerprintSources {
  const missing = (place: string): ComponentSource => ({
    place,
    read: () => ({ error: "is not read on Windows yet" }),
  });
  const smbios = (place: string, choose: (numbers: SmbiosNumbers) => string | undefined) => ({
    place: `${place} in SMBIOS`,
    read: async () => found(choose(await readTable(readRegistry))),
  });
  return {
    machine_id: [{
      place: `${MACHINE_KEY} MachineGuid`,
      read: async () => found(await readRegistry(MACHINE_KEY, "MachineGuid")),
    }],
    cpu: [smbios("processor id", ({ processorId }) => processorId)],
    disk: [missing("serial of disk 0")],
    board: [smbios("board serial", ({ boardSerial }) => boardSerial)],
    mac: [missing("addresses of the interfaces")],
    cpu_model: [{
      place: `${PROCESSOR_KEY} Identifier`,
      read: async () => findModel(await readRegistry(PROCESSOR_KEY, "Identifier") ?? ""),
    }],
  };
}

async function readTable(readRegistry: ReadRegistry): Promise<SmbiosNumbers> {
  const hex = await readRegistry(SMBIOS_KEY, "SMBiosData") ?? "";
  const isHex = /^(?:[0-9a-f]{2})*$/i.test(hex);
  const raw = isHex ? Uint8Array.fromHex(hex) : new Uint8Array();
  return readSmbios(raw.subarray(RAW_HEADER_BYTES));
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
