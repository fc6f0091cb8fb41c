import type { BuiltFile } from "../../packaging/build_programs.ts";
import { isTarget, type Target, TARGETS } from "../../packaging/targets.ts";
import { suggest, UsageError } from "../usage_error.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import type { LicenseListing } from "../../license_server/list.ts";
import type { LicenseAction } from "../../license_server/administration.ts";

const MEBIBYTE = 1024 * 1024;

/** A program that was built, as a line: where it is, its size and its checksum. */
export function builtFileLine({ path, bytes, sha256 }: BuiltFile): string {
  return `${path}: ${(bytes / MEBIBYTE).toFixed(1)} MiB, SHA-256 ${sha256}`;
}

/**
 * The targets that are named, each once; `all` is all of them, and none is this machine.
 *
 * @throws {UsageError} for one that there is not.
 */
export function chosenTargets(named: readonly string[]): Target[] {
  if (named.includes("all")) return [...TARGETS];
  if (named.length === 0) return chosenTargets([Deno.build.target]);
  return [...new Set(named)].map((name) => {
    if (isTarget(name)) return name;
    throw new UsageError(
      `unknown target: ${name}${suggest(name, TARGETS)} (there are ${TARGETS.join(", ")}, all)`,
    );
  });
}

export const vendorBuild: Command = {
  usage:
    "--org-key FILE [--target T]… [--software-id ID] [--server-url URL] [--software FILE] --out DIR",
  options: ["org-key", "target", "software-id", "server-url", "software", "out", "json"],
  notes: [
    "Needs Deno, from the PATH or named in BUILD_DENO; it downloads its runtime for each target, or takes the one that",
    "DENORT_BIN names. The programs accept the key's licenses alone, with --software-id only those for it; with",
    "--server-url they ask that server. --software, the program's path at the customers', is all that they may then",
    "launch (`daemon start` with --foreground). Writes SHA256SUMS; the same call makes the same bytes.",
  ],
  async run({ args, build, output }) {
    const { composeBuild } = await import("../../app/vendor.ts");
    const files = await composeBuild({
      profile: "customer",
      targets: chosenTargets(args.values("target")),
      out: args.required("out"),
      orgKeyPath: args.required("org-key"),
      softwareId: args.value("software-id"),
      serverUrl: args.value("server-url"),
      softwarePath: args.value("software"),
    }, { build, note: output.note });
    output.result(args.flag("json") ? JSON.stringify(files) : files.map(builtFileLine).join("\n"));
    return EXIT.ok;
  },
};

export const vendorDecommission: Command = {
  usage: "KEY MACHINE_ID --database DB [--lost]",
  options: ["database", "lost"],
  operands: { min: 2, max: 2 },
  notes: [
    "The machine is told at its next heartbeat; it stops, forgets the license and acknowledges. Until then it counts",
    "against --max-machines. `sentinel vendor list` shows the machine ids.",
    "With --lost its place is free at once. Should it come back it is told to leave; while it is offline it runs on until its",
    "grace is used up.",
  ],
  async run({ args, output }) {
    const [licenseKey = "", machineId = ""] = args.operands;
    const database = args.required("database");
    const { decommission } = await import("../../app/vendor.ts");
    const isLost = args.flag("lost");
    await decommission(database, { licenseKey, machineId, isLost });
    output.result(
      isLost
        ? `machine ${machineId} is given up: its place of license ${licenseKey} is free`
        : `machine ${machineId} is asked to leave license ${licenseKey}`,
    );
    return EXIT.ok;
  },
};

export const vendorKeygen: Command = {
  usage: "--out DIR",
  options: ["out", "json"],
  notes: [
    "Writes org_private_key.pem (0600; keep it secret, it signs licenses and answers) and org_public_key.pem",
    "(goes into the software). Refuses to overwrite either.",
  ],
  async run({ args, output }) {
    const { makeOrganizationKey } = await import("../../license_server/keys.ts");
    const { privateKeyPath, publicKeyPath } = await makeOrganizationKey(args.required("out"));
    output.result(
      args.flag("json")
        ? JSON.stringify({ private_key: privateKeyPath, public_key: publicKeyPath })
        : `private key written to ${privateKeyPath}\npublic key written to ${publicKeyPath}`,
    );
    return EXIT.ok;
  },
};

export const vendorList: Command = {
  usage: "[KEY] --database DB",
  options: ["database", "json"],
  operands: { min: 0, max: 1 },
  notes: ["With KEY only that license. Machines that were decommissioned do not count as used."],
  async run({ args, output }) {
    const database = args.required("database");
    const { listLicenses } = await import("../../app/vendor.ts");
    const listings = await listLicenses(database, args.operands[0]);
    if (args.flag("json")) output.result(JSON.stringify({ licenses: listings }, undefined, 2));
    else if (listings.length === 0) output.result("no licenses");
    else output.result(listings.flatMap(describe).join("\n"));
    return EXIT.ok;
  },
};

function describe(listing: LicenseListing): string[] {
  const { license_key, software_id, status, expiry_date, active_machines, max_machines } = listing;
  return [
    `${license_key}  ${status}  ${software_id}  expires ${expiry_date}  ` +
    `machines ${active_machines}/${max_machines}`,
    ...listing.machines.map(({ machine_id, status, platform, last_seen_at }) =>
      `  ${machine_id}  ${status}  ${platform}  last seen ${last_seen_at}`
    ),
  ];
}

/** A command of the vendor's that changes the state of one license. */
function licenseStateCommand(
  action: LicenseAction,
  { done, note }: { readonly done: string; readonly note: string },
): Command {
  return {
    usage: "KEY --database DB",
    options: ["database"],
    operands: { min: 1, max: 1 },
    notes: [note],
    async run({ args, output }) {
      const [licenseKey = ""] = args.operands;
      const database = args.required("database");
      const { administer } = await import("../../app/vendor.ts");
      await administer(action, { database, licenseKey });
      output.result(`license ${licenseKey} is ${done}`);
      return EXIT.ok;
    },
  };
}

export const vendorReinstate = licenseStateCommand("reinstate", {
  done: "reinstated",
  note: "Only a suspended license can be reinstated.",
});

export const vendorRevoke = licenseStateCommand("revoke", {
  done: "revoked",
  note: "Its machines learn it at their next heartbeat and stop. A revocation is for good.",
});

export const vendorSuspend = licenseStateCommand("suspend", {
  done: "suspended",
  note: "Its machines learn it at their next heartbeat and stop, until it is reinstated.",
});
