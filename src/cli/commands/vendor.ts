import { escapeControls } from "../../core/text.ts";
import type { BuiltFile } from "../../packaging/build_programs.ts";
import { isTarget, type Target, TARGETS } from "../../packaging/targets.ts";
import { suggest, UsageError } from "../usage_error.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import type { LicenseListing } from "../../license_server/list.ts";
import type { LicenseAction } from "../../license_server/administration.ts";

const MEBIBYTE = 1024 * 1024;

/** A line with the path, size and checksum of a program. */
export function formatBuiltFile({ path, bytes, sha256 }: BuiltFile): string {
  return `${path}: ${(bytes / MEBIBYTE).toFixed(1)} MiB, SHA-256 ${sha256}`;
}

/**
 * Returns the named targets without duplicates: all of them for `all`, and this machine's if none is named.
 *
 * @throws {UsageError} for an unknown target.
 */
export function chooseTargets(named: readonly string[]): Target[] {
  if (named.includes("all")) return [...TARGETS];
  if (named.length === 0) return chooseTargets([Deno.build.target]);
  return [...new Set(named)].map((name) => {
    if (isTarget(name)) return name;
    throw new UsageError(
      `unknown target: ${name}${suggest(name, TARGETS)} (known: ${TARGETS.join(", ")}, all)`,
    );
  });
}

export const vendorBuild: Command = {
  usage:
    "--org-key FILE [--target T]… [--software-id ID] [--server-url URL] [--software FILE] [--anti-tamper POLICY] [--strict-rollback] [--sign-key FILE] --out DIR",
  options: [
    ...["org-key", "target", "software-id", "server-url", "software"] as const,
    ...["anti-tamper", "strict-rollback", "sign-key", "out", "json"] as const,
  ],
  keeps: ["read", "write", "env", "run"],
  guardsKeyOf: "key_user",
  notes: [
    "Needs Deno, from PATH or BUILD_DENO, which downloads its runtime for each target or uses the one in DENORT_BIN.",
    "The programs accept only licenses signed with the key and, with --software-id, only those for that software;",
    "--server-url is their license server. With --software, the path on the customer's machine, they can launch no other",
    "program (`daemon start` then needs --foreground), and only that program and its descendants get the license over the",
    'socket, unless the configuration says `peer = "user"`. --anti-tamper is the response to tampering, which the',
    "customer's configuration can make stricter, but not weaker. With --strict-rollback they keep a copy of the state",
    "outside the folder of --state-dir, too: who restores that folder alone is found out, and a container that keeps",
    "nothing but that folder has no grace until the server answers. The same inputs give the same bytes.",
    "Writes SHA256SUMS and, with --sign-key, SHA256SUMS.sig, which `ssh-keygen -Y verify` checks; the key is one of",
    "`ssh-keygen -t ed25519` (docs/UPDATES.md).",
  ],
  async run({ args, build, output, log }) {
    const { composeBuild } = await import("../../app/vendor.ts");
    const files = await composeBuild({
      profile: "customer",
      targets: chooseTargets(args.values("target")),
      out: args.required("out"),
      orgKeyPath: args.required("org-key"),
      softwareId: args.value("software-id"),
      serverUrl: args.value("server-url"),
      softwarePath: args.value("software"),
      antiTamper: args.value("anti-tamper"),
      strictRollback: args.flag("strict-rollback"),
    }, { build, signKeyPath: args.value("sign-key"), note: output.note, log });
    output.result(
      args.flag("json") ? JSON.stringify(files) : files.map(formatBuiltFile).join("\n"),
    );
    return EXIT.ok;
  },
};

export const vendorDecommission: Command = {
  usage: "KEY MACHINE_ID --database DB [--lost]",
  options: ["database", "lost"],
  keeps: ["read", "write", "env"],
  operands: { min: 2, max: 2 },
  notes: [
    "At its next heartbeat the machine stops, forgets the license and acknowledges. Until then it counts against",
    "--max-machines. `sentinel vendor list` shows the machine ids.",
    "With --lost its place is free at once. If the machine comes back, it is decommissioned; while it is offline, it runs",
    "until its grace is used up.",
  ],
  async run({ args, output }) {
    const [licenseKey = "", machineId = ""] = args.operands;
    const database = args.required("database");
    const { decommission } = await import("../../app/vendor.ts");
    const isLost = args.flag("lost");
    await decommission(database, { licenseKey, machineId, isLost });
    const outcome = isLost
      ? `machine ${machineId} is given up: its place on license ${licenseKey} is free`
      : `machine ${machineId} will be removed from license ${licenseKey}`;
    output.result(escapeControls(outcome));
    return EXIT.ok;
  },
};

export const vendorKeygen: Command = {
  usage: "--out DIR",
  options: ["out", "json"],
  keeps: ["read", "write", "env"],
  guardsKeyOf: "key_user",
  notes: [
    "Writes org_private_key.pem (0600; keep it secret, it signs licenses and responses) and org_public_key.pem",
    "(for the customers' programs). Refuses to overwrite either.",
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
  keeps: ["read", "write", "env"],
  operands: { min: 0, max: 1 },
  notes: [
    "With KEY, lists only that license. Machines that are decommissioned, lost, released or blocked do not count as used; their names are unsigned.",
    "`copies seen`: when two copies of a machine's state were last seen in use, for example of a cloned virtual machine.",
  ],
  async run({ args, output }) {
    const database = args.required("database");
    const { listLicenses } = await import("../../app/vendor.ts");
    const listings = await listLicenses(database, args.operands[0]);
    if (args.flag("json")) output.result(JSON.stringify({ licenses: listings }, undefined, 2));
    else if (listings.length === 0) output.result("no licenses");
    else output.result(listings.flatMap(describe).map(escapeControls).join("\n"));
    return EXIT.ok;
  },
};

function describe(listing: LicenseListing): string[] {
  const { license_key, software_id, status, expiry_date, active_machines, max_machines } = listing;
  return [
    `${license_key}  ${status}  ${software_id}  expires ${expiry_date} UTC  ` +
    `machines ${active_machines}/${max_machines}${listing.closed ? "  closed" : ""}`,
    ...listing.machines.map((
      { machine_id, name, address, status, platform, last_seen_at, copies_seen_at },
    ) =>
      `  ${machine_id}  ${status}  ${platform}  last seen ${last_seen_at}` +
      (address === null ? "" : `  from ${address}`) +
      (copies_seen_at === null ? "" : `  copies seen ${copies_seen_at}`) +
      (name === null ? "" : `  ${name}`)
    ),
  ];
}

/** A vendor command that changes the state of one license. */
function createStateCommand(
  action: LicenseAction,
  { done, note }: { readonly done: string; readonly note: string },
): Command {
  return {
    usage: "KEY --database DB",
    options: ["database"],
    keeps: ["read", "write", "env"],
    operands: { min: 1, max: 1 },
    notes: [note],
    async run({ args, output }) {
      const [licenseKey = ""] = args.operands;
      const database = args.required("database");
      const { administer } = await import("../../app/vendor.ts");
      await administer(action, { database, licenseKey });
      output.result(escapeControls(`license ${licenseKey} is ${done}`));
      return EXIT.ok;
    },
  };
}

export const vendorReinstate = createStateCommand("reinstate", {
  done: "reinstated",
  note: "Only a suspended license can be reinstated.",
});

export const vendorRevoke = createStateCommand("revoke", {
  done: "revoked",
  note: "Its machines stop at their next heartbeat. A revocation is permanent.",
});

export const vendorSuspend = createStateCommand("suspend", {
  done: "suspended",
  note: "Its machines stop at their next heartbeat, until it is reinstated.",
});

/** `vendor close` or `vendor reopen`. */
function createClosingCommand(isClosed: boolean, notes: readonly string[]): Command {
  return {
    usage: "KEY --database DB",
    options: ["database"],
    keeps: ["read", "write", "env"],
    operands: { min: 1, max: 1 },
    notes,
    async run({ args, output }) {
      const [licenseKey = ""] = args.operands;
      const { setLicenseClosed } = await import("../../app/vendor.ts");
      await setLicenseClosed(args.required("database"), { licenseKey, isClosed });
      const outcome = isClosed ? "takes no new machines" : "takes new machines again";
      output.result(escapeControls(`license ${licenseKey} ${outcome}`));
      return EXIT.ok;
    },
  };
}

export const vendorClose = createClosingCommand(true, [
  "For a key that is known to others: no new machine can activate it. Its machines run on and may activate again;",
  "one that has given its place back may not.",
]);

export const vendorReopen = createClosingCommand(false, ["Lifts `sentinel vendor close`."]);

/** `vendor block` or `vendor unblock`. */
function createBlockingCommand(isBlocked: boolean, notes: readonly string[]): Command {
  return {
    usage: "KEY MACHINE_ID --database DB",
    options: ["database"],
    keeps: ["read", "write", "env"],
    operands: { min: 2, max: 2 },
    notes,
    async run({ args, output }) {
      const [licenseKey = "", machineId = ""] = args.operands;
      const { setMachineBlocked } = await import("../../app/vendor.ts");
      await setMachineBlocked(args.required("database"), { licenseKey, machineId, isBlocked });
      const outcome = isBlocked ? "is blocked" : "may activate again";
      output.result(escapeControls(`machine ${machineId} ${outcome}`));
      return EXIT.ok;
    },
  };
}

export const vendorBlock = createBlockingCommand(true, [
  "The machine's place is free at once. It stops at its next heartbeat, and cannot activate the license again;",
  "while it is offline, it runs until its grace is used up.",
]);

export const vendorUnblock = createBlockingCommand(false, [
  "Lifts `sentinel vendor block`: the machine may activate like a new one.",
]);
