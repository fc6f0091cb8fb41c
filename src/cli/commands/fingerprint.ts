import { readThisMachine } from "../../app/doctor.ts";
import {
  type Component,
  findFingerprintWeakness,
  FingerprintError,
  type Hardware,
  hashComponent,
  makeV1,
  makeV2,
  parseFingerprint,
} from "../../license/fingerprint.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "[--format v1|v2] [--explain] [--json]",
  options: ["format", "explain", "json"],
  notes: [
    "For `sentinel vendor issue --type hardware-bound --fingerprint`. v2 covers every readable component and matches while",
    "more than half of them are unchanged, among them machine_id, cpu, board or mac: siblings of a virtual machine share",
    "the others, and constants of hypervisors are not read. A warning names what is weak. v1 needs processor, disk and",
    "machine id, and all of them must match.",
    "Only root can read some components: take the fingerprint as the user who will run the software.",
    "Exit status 83 if there is no fingerprint, as too few components are readable.",
  ],
  async run({ args, output, log }) {
    const format = args.value("format") ?? "v2";
    const hardware = await readThisMachine();
    const made = { v1: await attempt(makeV1(hardware)), v2: await attempt(makeV2(hardware)) };
    const wanted = made[format];
    if (args.flag("json")) {
      output.result(JSON.stringify({
        v1: toText(made.v1),
        v2: toText(made.v2),
        components: await describeComponents(hardware),
      }));
    } else {
      if (typeof wanted === "string") output.result(wanted);
      if (args.flag("explain")) output.result(await explain(hardware));
    }
    if (typeof wanted !== "string") throw wanted;
    const weakness = findFingerprintWeakness(parseFingerprint(wanted)!, hardware);
    if (weakness !== undefined) log.warn(weakness.message);
    return EXIT.ok;
  },
};

/** Resolves to the fingerprint, or to the error. */
async function attempt(making: Promise<string>): Promise<string | FingerprintError> {
  try {
    return await making;
  } catch (error) {
    if (error instanceof FingerprintError) return error;
    throw error;
  }
}

function toText(made: string | FingerprintError): string | null {
  return typeof made === "string" ? made : null;
}

/** Describes components by their digests; serial numbers are never shown. */
async function describeComponents(hardware: Hardware): Promise<Record<string, unknown>> {
  const entries = listComponents(hardware).map(async ([name, component]) => [name, {
    readable: component.kind === "readable",
    source: component.kind === "readable" ? component.place : null,
    hash: await hashComponent(hardware, name) ?? null,
    error: component.kind === "readable" ? null : component.why,
  }]);
  return Object.fromEntries(await Promise.all(entries));
}

async function explain(hardware: Hardware): Promise<string> {
  const components = listComponents(hardware);
  const width = Math.max(...components.map(([name]) => name.length));
  const lines = components.map(async ([name, component]) =>
    `${name.padEnd(width)}  ` +
    (component.kind === "readable"
      ? `${await hashComponent(hardware, name)}  ${component.place}`
      : `cannot be read    ${component.why}`)
  );
  return (await Promise.all(lines)).join("\n");
}

function listComponents(hardware: Hardware): [keyof Hardware, Component][] {
  return Object.entries(hardware) as [keyof Hardware, Component][];
}
