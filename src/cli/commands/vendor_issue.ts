import { findInexactNumber } from "../../core/json_numbers.ts";
import { parseStrictJson } from "../../core/strict_json.ts";
import { escapeControls, quoteForShell } from "../../core/text.ts";
import type { IssueRequest } from "../../license_server/issue_license_file.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import type { ParsedArguments } from "../command.ts";
import { UsageError } from "../usage_error.ts";

/** Largest number that other programs can read (signed 32 bits). */
const LARGEST = 2 ** 31 - 1;

const TYPES = { "standard": "STANDARD", "hardware-bound": "HARDWARE_BOUND" } as const;

export const command: Command = {
  usage:
    "--key FILE --type TYPE --org ID --software-id ID --expires YYYY-MM-DD --out FILE [--database DB] …",
  options: [
    "key",
    "type",
    "org",
    "software-id",
    "expires",
    "issued",
    "max-machines",
    "feature",
    "server-url",
    "heartbeat-minutes",
    "grace-days",
    "fingerprint",
    "weak-fingerprint",
    "checksum",
    "license-key",
    "forbid-release",
    "database",
    "out",
    "json",
  ],
  keeps: ["read", "write", "env"],
  guardsKeyOf: "key_user",
  notes: [
    "With --database the license is registered there in the same step. Without it the file is valid, but a license",
    "server does not know its key and refuses to activate it (License not found).",
    "With --forbid-release, only the vendor frees the place of a machine (`sentinel vendor decommission`).",
    "--heartbeat-minutes, --grace-days and --server-url are for standard licenses, --fingerprint for hardware-bound ones.",
    "A fingerprint with none of machine_id, cpu, board and mac is refused, as similar machines have the same one;",
    "with --weak-fingerprint it is accepted, and each run warns of it.",
  ],
  async run({ args, output, log }) {
    const request = readRequest(args);
    const database = args.value("database");
    const { issue } = await import("../../app/vendor.ts");
    const licenseKey = await issue(request, { database, log });
    const file = request.outPath;
    const where = database === undefined
      ? "(not registered with a license server)"
      : `and registered in ${database}`;
    output.result(
      args.flag("json")
        ? JSON.stringify({ license_key: licenseKey, file, registered: database !== undefined })
        : escapeControls(`license ${licenseKey} written to ${file} ${where}`),
    );
    return EXIT.ok;
  },
};

function readRequest(args: ParsedArguments): IssueRequest {
  return {
    keyPath: args.required("key"),
    outPath: args.required("out"),
    allowsRelease: !args.flag("forbid-release"),
    checksumPath: args.value("checksum"),
    terms: {
      type: TYPES[args.required("type")],
      orgId: args.required("org"),
      softwareId: args.required("software-id"),
      expiryDate: args.required("expires"),
      issueDate: args.value("issued"),
      maxMachines: args.integer("max-machines", { min: 1, max: LARGEST }),
      features: readFeatures(args.values("feature")),
      serverUrl: args.value("server-url"),
      heartbeatMinutes: args.integer("heartbeat-minutes", { min: 1, max: LARGEST }),
      graceDays: args.integer("grace-days", { min: 1, max: LARGEST }),
      fingerprint: args.value("fingerprint"),
      allowsWeakFingerprint: args.flag("weak-fingerprint"),
      licenseKey: args.value("license-key"),
    },
  };
}

type Feature = IssueRequest["terms"]["features"][string];

function readFeatures(entries: readonly string[]): IssueRequest["terms"]["features"] {
  const features = new Map<string, Feature>();
  for (const entry of entries) {
    const middle = entry.indexOf("=");
    if (middle < 1) throw new UsageError(`--feature must be K=V: current value is ${entry}`);
    const name = entry.slice(0, middle), value = entry.slice(middle + 1);
    if (features.has(name)) throw new UsageError(`--feature ${name} is given twice`);
    features.set(name, readFeature(name, value));
  }
  return Object.fromEntries(features);
}

/** JSON, else text. @throws {UsageError} for a number that would be signed as another one. */
function readFeature(name: string, value: string): Feature {
  const json = parseStrictJson(value);
  if (!("value" in json)) return value;
  const inexact = findInexactNumber(value);
  if (inexact === undefined) return json.value as Feature;
  const { text, kept } = inexact;
  throw new UsageError(
    `--feature ${name}: JSON cannot keep the number ${text} (${kept} would remain of it): ` +
      `quote it, as in ${quoteForShell(`${name}=${value.replace(text, JSON.stringify(text))}`)}`,
  );
}
