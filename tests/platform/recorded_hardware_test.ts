/** Components of systems that this project has not been run on, from answers written down by their documents. */
import { assert, assertEquals } from "@std/assert";
import { readHardware } from "../../src/license/fingerprint.ts";
import { COMPONENTS } from "../../src/platform/hardware_ids.ts";
import { createMacosFingerprintSources } from "../../src/platform/macos/hardware.ts";
import { readSmbios } from "../../src/platform/hardware_ids.ts";
import { createWindowsFingerprintSources } from "../../src/platform/windows/hardware.ts";

/** The readable components' values, or why they cannot be read. */
async function describe(
  sources: Parameters<typeof readHardware>[0],
): Promise<Record<string, string>> {
  const hardware = Object.entries(await readHardware(sources));
  return Object.fromEntries(hardware.map(([name, component]) => [
    name,
    component.kind === "readable" ? component.value : `unreadable: ${component.why}`,
  ]));
}

const IOREG = `+-o J313AP  <class IOPlatformExpertDevice, id 0x100000227>
    {
      "IOPlatformUUID" = "4F1D5C2A-0B1C-5D3E-8F60-123456789ABC"
      "IOPlatformSerialNumber" = "C02ABCDEFGHJ"
      "board-id" = <"Mac-1234">
    }
`;
const DISKUTIL = `   Device Identifier:         disk3s1s1
   Volume Name:               Macintosh HD
   Volume UUID:               0A1B2C3D-1111-2222-3333-444455556666
   Disk / Partition UUID:     99999999-1111-2222-3333-444455556666
`;
const PORTS = `
Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: 36:aa:bb:cc:dd:00

Hardware Port: Wi-Fi
Device: en0
Ethernet Address: 3c:22:fb:00:00:02

Hardware Port: Ethernet Adapter
Device: en4
Ethernet Address: 3c:22:fb:00:00:01
`;
const SYSCTL = "machdep.cpu.family: 6\nmachdep.cpu.model: 158\nmachdep.cpu.stepping: 10\n";

function macAnswers(answers: Record<string, string>) {
  return createMacosFingerprintSources((path) => Promise.resolve(answers[path.split("/").at(-1)!]));
}

Deno.test("macOS: components from the tools' recorded output", async () => {
  const answers = { ioreg: IOREG, diskutil: DISKUTIL, networksetup: PORTS, sysctl: SYSCTL };
  assertEquals(await describe(macAnswers(answers)), {
    machine_id: "4F1D5C2A-0B1C-5D3E-8F60-123456789ABC",
    cpu: "C02ABCDEFGHJ",
    disk: "0A1B2C3D-1111-2222-3333-444455556666",
    board: "unreadable: board: has no serial number",
    mac: "3c:22:fb:00:00:01",
    cpu_model: "model 158, family 6, stepping 10",
  });
});

Deno.test("macOS: a component is unreadable if its tool fails or does not report it", async () => {
  assertEquals(
    await describe(macAnswers({ ioreg: "", sysctl: "machdep.cpu.brand_string: Apple M1\n" })),
    {
      machine_id: "unreadable: IOPlatformUUID of the platform expert (ioreg): not there",
      cpu: "unreadable: IOPlatformSerialNumber of the platform expert (ioreg): not there",
      disk: "unreadable: UUID of the root volume (diskutil): /usr/sbin/diskutil fails",
      board: "unreadable: board: has no serial number",
      mac: "unreadable: hardware ports (networksetup): /usr/sbin/networksetup fails",
      cpu_model: "unreadable: machdep.cpu (sysctl): has no model, family and stepping",
    },
  );
});

/** One structure: its type, what stands behind the header, its strings. */
function structure(type: number, fixed: number[], strings: string[]): number[] {
  const text = strings.length === 0 ? "\0\0" : strings.map((each) => each + "\0").join("") + "\0";
  return [type, fixed.length + 4, 0, 0, ...fixed, ...new TextEncoder().encode(text)];
}

const TABLE = Uint8Array.from([
  ...structure(0, [1, 2, 0], ["American Megatrends", "1.0"]),
  ...structure(2, [1, 2, 3, 4, 0], ["ASUSTeK", "PRIME", "Rev 1", "190857291234567"]),
  ...structure(4, [1, 3, 0xc6, 1, 0xea, 0x06, 0x09, 0, 0xff, 0xfb, 0xeb, 0xbf], ["LGA1151"]),
  ...structure(4, [1, 3, 0xc6, 1, 0, 0, 0, 0, 0, 0, 0, 0], []),
  ...structure(127, [], []),
]);

Deno.test("readSmbios() takes the first processor's id and the first board's serial", () => {
  assertEquals(readSmbios(TABLE), {
    processorId: "BFEBFBFF000906EA",
    boardSerial: "190857291234567",
  });
});

Deno.test("readSmbios() of a table truncated anywhere ends and invents nothing", () => {
  for (let length = 0; length < TABLE.length; length++) {
    const { processorId, boardSerial } = readSmbios(TABLE.subarray(0, length));
    assert([undefined, "BFEBFBFF000906EA"].includes(processorId), `${length}: ${processorId}`);
    assert([undefined, "190857291234567"].includes(boardSerial), `${length}: ${boardSerial}`);
  }
});

Deno.test("Windows: components from recorded answers", async () => {
  const values: Record<string, string> = {
    MachineGuid: "5b1c2f6e-8d3a-4c0e-9a57-0d2f4b6c8e10",
    Identifier: "Intel64 Family 6 Model 158 Stepping 10",
  };
  const sources = createWindowsFingerprintSources({
    readText: ({ name }) => values[name],
    readSmbios: () => Uint8Array.from([0, 3, 2, 0, TABLE.length, 0, 0, 0, ...TABLE]),
    readDiskSerial: () => "S3Z8NB0K123456",
    readAddresses: () => ["3e:22:fb:00:00:00", "3c:22:fb:00:00:02", "3c:22:fb:00:00:01"],
  });
  assertEquals(await describe(sources), {
    machine_id: "5b1c2f6e-8d3a-4c0e-9a57-0d2f4b6c8e10",
    cpu: "BFEBFBFF000906EA",
    disk: "S3Z8NB0K123456",
    board: "190857291234567",
    mac: "3c:22:fb:00:00:01",
    cpu_model: "model 158, family 6, stepping 10",
  });
});

Deno.test("Windows: constants of VMware and of its host adapters are not read, the processor is its model's", async () => {
  const hardware = await readHardware(createWindowsFingerprintSources({
    readText: () => undefined,
    readSmbios: () => Uint8Array.from([0, 3, 2, 0, TABLE.length, 0, 0, 0, ...TABLE]),
    readDiskSerial: () => "VMware NVME_0000",
    readAddresses: () => ["00:50:56:c0:00:01", "00:50:56:c0:00:08"],
  }));
  assertEquals([hardware.disk.kind, hardware.mac.kind], ["unreadable", "unreadable"]);
  assert(hardware.cpu.kind === "readable" && hardware.cpu.isOfModel);
});

Deno.test("Windows: a machine that reports nothing has unreadable components and no error", async () => {
  const sources = createWindowsFingerprintSources({
    readText: () => undefined,
    readSmbios: () => undefined,
    readDiskSerial: () => undefined,
    readAddresses: () => [],
  });
  const components = Object.entries(await describe(sources));
  const unreadable = components.filter(([, value]) => value.startsWith("unreadable: "));
  assertEquals(unreadable.map(([name]) => name), [...COMPONENTS]);
});
