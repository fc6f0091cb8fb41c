import { assertEquals, assertRejects } from "@std/assert";
import {
  compareFingerprint,
  findFingerprintWeakness,
  FingerprintError,
  type Hardware,
  makeV1,
  makeV2,
  readHardware,
} from "../../src/license/fingerprint.ts";
import { isPlaceholder } from "../../src/license/placeholder_serials.ts";
import { parseFingerprint } from "../../src/license/fingerprint.ts";
import { type ComponentName, COMPONENTS, type Reading } from "../../src/platform/hardware_ids.ts";

const VALUES: Readonly<Record<ComponentName, string>> = {
  machine_id: "m",
  cpu: "c",
  disk: "d",
  board: "b",
  mac: "a",
  cpu_model: "o",
};

/** `printf 'cdm' | sha256sum` */
const V1 = "55085deadcfa54f324143d32774cd899a64b189aae72763976893bc76ed0ee31";

/** A machine with these components and no others. */
function machine(values: Partial<Record<ComponentName, string>>): Hardware {
  return Object.fromEntries(COMPONENTS.map((name) => [
    name,
    values[name] === undefined
      ? { kind: "unreadable", why: `/${name}: not there` }
      : { kind: "readable", value: values[name], place: `/${name}` },
  ])) as unknown as Hardware;
}

function pick(...names: ComponentName[]): Hardware {
  return machine(Object.fromEntries(names.map((name) => [name, VALUES[name]])));
}

async function compare(fingerprint: string, hardware: Hardware) {
  return await compareFingerprint(parseFingerprint(fingerprint)!, hardware);
}

Deno.test("v1 is the SHA-256 of processor, disk and machine id, concatenated", async () => {
  assertEquals(await makeV1(machine(VALUES)), V1);
});

Deno.test("v1 names the components that it needs and cannot read, and the places searched", async () => {
  const error = await assertRejects(() => makeV1(pick("cpu", "board", "mac")), FingerprintError);
  assertEquals(
    error.message,
    "a v1 fingerprint needs cpu, disk, machine_id: disk cannot be read (/disk: not there), " +
      "machine_id cannot be read (/machine_id: not there)",
  );
});

Deno.test("v2 has the first 8 bytes of each readable component's digest and needs more than half", async () => {
  // printf 'sentinel-fp-v2\0disk\0d' | sha256sum | cut -c -16, and so on
  assertEquals(
    await makeV2(pick("disk", "machine_id", "cpu")),
    "v2:2:machine_id=dff338dabb81cca8,cpu=de2b89b349de2e00,disk=b111e7565669bf26",
  );
});

const THRESHOLDS: [readable: number, threshold: number][] = [[2, 2], [3, 2], [4, 3], [5, 3], [
  6,
  4,
]];

for (const [readable, threshold] of THRESHOLDS) {
  Deno.test(`of ${readable} components, ${threshold} must match`, async () => {
    const fingerprint = parseFingerprint(await makeV2(pick(...COMPONENTS.slice(0, readable))));
    assertEquals(fingerprint?.form === "v2" && fingerprint.threshold, threshold);
  });
}

Deno.test("with fewer than two components there is no v2, and the others are listed", async () => {
  const error = await assertRejects(() => makeV2(pick("disk")), FingerprintError);
  assertEquals(error.code, "hardware.unreadable");
  assertEquals(
    error.message,
    "a fingerprint needs 2 components, 1 can be read: " +
      ["machine_id", "cpu", "board", "mac", "cpu_model"]
        .map((name) => `${name} cannot be read (/${name}: not there)`).join(", "),
  );
});

Deno.test("v1 matches its own machine and no other", async () => {
  assertEquals(await compare(V1, machine(VALUES)), { kind: "match" });
  assertEquals(await compare(V1, machine({ ...VALUES, board: "x" })), { kind: "match" });
  assertEquals(await compare(V1, machine({ ...VALUES, disk: "x" })), {
    kind: "mismatch",
    differing: [],
    unreadable: [],
  });
  assertEquals(await compare(V1, pick("cpu", "machine_id")), {
    kind: "mismatch",
    differing: [],
    unreadable: ["disk"],
  });
});

Deno.test("a fingerprint in capitals is the same one", async () => {
  const v2 = await makeV2(machine(VALUES));
  for (const text of [V1.toUpperCase(), v2.toUpperCase()]) {
    assertEquals(await compare(text, machine(VALUES)), { kind: "match" });
  }
});

Deno.test("v2 matches while more than half are the same, even if others were added", async () => {
  const fingerprint = await makeV2(pick("machine_id", "cpu", "disk", "board"));
  assertEquals(await compare(fingerprint, machine({ ...VALUES, disk: "new" })), { kind: "match" });
  assertEquals(await compare(fingerprint, pick("machine_id", "cpu", "disk")), { kind: "match" });
});

const SIBLING = { ...VALUES, machine_id: "m2", cpu: "c2", board: "b2", mac: "a2" };

Deno.test("v2 refuses a machine that shares no more than its siblings do, whatever the threshold", async () => {
  const hashes = (await makeV2(machine(VALUES))).replace(/^v2:\d+/, "");
  for (const threshold of [1, 2]) {
    assertEquals(await compare(`v2:${threshold}${hashes}`, machine(SIBLING)), {
      kind: "mismatch",
      differing: ["machine_id", "cpu", "board", "mac"],
      unreadable: [],
    });
  }
  for (const name of ["machine_id", "cpu", "board", "mac"] as const) {
    const related = machine({ ...SIBLING, [name]: VALUES[name] });
    assertEquals(await compare(`v2:1${hashes}`, related), { kind: "match" }, name);
  }
});

Deno.test("v2 takes nothing that cannot be read for a match", async () => {
  const fingerprint = (await makeV2(machine(VALUES))).replace(/^v2:\d+/, "v2:2");
  assertEquals((await compare(fingerprint, pick("disk", "cpu_model"))).kind, "mismatch");
});

Deno.test("v2 that names nothing else matches by disk and processor model, and is weak", async () => {
  const fingerprint = await makeV2(pick("disk", "cpu_model"));
  assertEquals(await compare(fingerprint, machine(SIBLING)), { kind: "match" });
  const parsed = parseFingerprint(fingerprint)!;
  assertEquals(findFingerprintWeakness(parsed)?.kind, "unbound");
  assertEquals(findFingerprintWeakness(parseFingerprint(V1)!), undefined);
});

Deno.test("v2 does not take the number of a processor's model for a machine's", async () => {
  const ofModel = (values: Partial<Record<ComponentName, string>>): Hardware => {
    const hardware = machine(values);
    return { ...hardware, cpu: { ...hardware.cpu, isOfModel: true } as Hardware["cpu"] };
  };
  const fingerprint = await makeV2(ofModel(VALUES));
  const sibling = ofModel({ ...SIBLING, cpu: VALUES.cpu });
  const low = fingerprint.replace(/^v2:\d+/, "v2:3");
  assertEquals((await compare(low, sibling)).kind, "mismatch");
  assertEquals(await compare(low, ofModel({ ...SIBLING, cpu: "c", mac: "a" })), { kind: "match" });
});

Deno.test("v2 of before constants were known still matches by what is left", async () => {
  const before = await makeV2(machine({ machine_id: "m", disk: "rootfs", cpu_model: "o" }));
  assertEquals(await compare(before, pick("machine_id", "cpu_model")), { kind: "match" });
});

Deno.test("v2 distinguishes different components from unreadable ones", async () => {
  const fingerprint = await makeV2(pick("machine_id", "cpu", "disk", "board"));
  const other = { machine_id: VALUES.machine_id, cpu: VALUES.cpu, disk: "new" };
  assertEquals(await compare(fingerprint, machine(other)), {
    kind: "mismatch",
    differing: ["disk"],
    unreadable: ["board"],
  });
});

Deno.test("v2 does not confuse one component's value with another's", async () => {
  const fingerprint = await makeV2(machine({ cpu: "x", disk: "y" }));
  assertEquals(await compare(fingerprint, machine({ cpu: "y", disk: "x" })), {
    kind: "mismatch",
    differing: ["cpu", "disk"],
    unreadable: [],
  });
});

const HASH = "0123456789abcdef";
const NO_FINGERPRINTS: [what: string, text: string][] = [
  ["another version", `v3:2:cpu=${HASH},disk=${HASH}`],
  ["63 digits", "a".repeat(63)],
  ["no component", "v2:2:"],
  ["a component twice, so that one would count for two", `v2:1:cpu=${HASH},cpu=${HASH}`],
  ["a component that there is not", `v2:1:gpu=${HASH}`],
  ["a threshold of none", `v2:0:cpu=${HASH}`],
  ["more matches than components", `v2:3:cpu=${HASH},disk=${HASH}`],
  ["a comma at the end", `v2:1:cpu=${HASH},`],
  ["a line end", `v2:1:cpu=${HASH}\n`],
];

for (const [what, text] of NO_FINGERPRINTS) {
  Deno.test(`parseFingerprint() refuses one with ${what}`, () => {
    assertEquals(parseFingerprint(text), undefined);
  });
}

for (
  const value of [
    ...["None", "To be filled by O.E.M.", "To Be Filled By O.E.M.", "0", "00000000-0000-0000"],
    ...["", "Default string", "Not Specified", "ffffffff-ffff-ffff", "N/A", "xxxxxxxx", " - "],
    ...["00:00:00:00:00:00", "uninitialized", "System Serial Number"],
  ]
) {
  Deno.test(`${JSON.stringify(value)} is a placeholder`, () => {
    assertEquals(isPlaceholder(value), true);
  });
}

const CONSTANTS: readonly string[] = [
  ...["QM00001", "QM00012", "nvme_card-pd", "nvme_card", "nvme_card12", "VMWare NVME_0000"],
  ...["00000000000000000001", "02000000000000000001", "SN: 000001"],
  ...["03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90AB-CDDEEFAABBCC"],
  ...["FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE", "4C4C4544-0000-2010-8020-80C04F202020"],
  ...["b08dfa6083e7567a1921a715000001fb", "BSN12345678901234567", "Type2 - Board Serial Number"],
];

for (const value of CONSTANTS) {
  Deno.test(`isPlaceholder() knows the constant ${value}`, () => {
    assertEquals(isPlaceholder(value), true);
  });
}

for (
  const value of [
    ...["QM0001A", "vol0123456789abcdef0", "VB1234abcd-5678ef01", "nvme_card-x1", "SN: 000002"],
    ...["ec2e1916-9099-7caf-fd21-012345abcdef", "4C4C4544-0034-4D10-8052-B7C04F4D5632"],
  ]
) {
  Deno.test(`isPlaceholder() leaves the number ${value}`, () => {
    assertEquals(isPlaceholder(value), false);
  });
}

for (const value of ["WD-0000", "f00f", "fff", "1", "Nonesuch", "序列号", "100000"]) {
  Deno.test(`${JSON.stringify(value)} is not a placeholder`, () => {
    assertEquals(isPlaceholder(value), false);
  });
}

Deno.test("readHardware() uses the first place without a placeholder and says why the others failed", async () => {
  const from = (...readings: Reading[]) =>
    readings.map((reading, i) => ({ place: `/${i}`, read: () => Promise.resolve(reading) }));
  const hardware = await readHardware({
    machine_id: from({ value: "None" }, { error: "not there" }, { value: "id" }, { value: "no" }),
    cpu: from({ value: "" }, { error: "permission denied" }, { value: "None" }),
    disk: from(),
    board: from(),
    mac: from(),
    cpu_model: from(),
  });
  assertEquals(hardware.machine_id, { kind: "readable", value: "id", place: "/2" });
  assertEquals(hardware.cpu, {
    kind: "unreadable",
    why: "/0: empty; /1: permission denied; /2: a placeholder (None)",
  });
});
