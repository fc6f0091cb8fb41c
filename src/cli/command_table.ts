import type { CommandEntry } from "./command.ts";

/** All commands by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  "run": {
    summary: "check the license, launch the software and keep the license alive",
    load: async () => (await import("./commands/run.ts")).command,
  },
  "ipc": {
    summary: "query a running sentinel over its local socket",
    load: async () => (await import("./commands/ipc.ts")).command,
  },
  "daemon start": {
    summary: "run the software as a daemon",
    load: async () => (await import("./commands/daemon_start.ts")).command,
  },
  "daemon stop": {
    summary: "stop the daemon and its software, and wait for both to exit",
    load: async () => (await import("./commands/daemon.ts")).daemonStop,
  },
  "daemon restart": {
    summary: "stop the daemon and start it again",
    load: async () => (await import("./commands/daemon.ts")).daemonRestart,
  },
  "daemon status": {
    summary: "show the state of the daemon, its software and its license",
    load: async () => (await import("./commands/daemon.ts")).daemonStatus,
  },
  "daemon reload": {
    summary: "make the daemon reread its configuration and license",
    load: async () => (await import("./commands/daemon.ts")).daemonReload,
  },
  "daemon stats": {
    summary: "print the daemon's statistics",
    load: async () => (await import("./commands/daemon.ts")).daemonStats,
  },
  "service print": {
    summary: "print the daemon's definition for a service manager",
    load: async () => (await import("./commands/service.ts")).servicePrint,
  },
  "service install": {
    summary: "install the daemon's definition for a service manager",
    load: async () => (await import("./commands/service.ts")).serviceInstall,
  },
  "service uninstall": {
    summary: "remove an installed definition",
    load: async () => (await import("./commands/service.ts")).serviceUninstall,
  },
  "server": {
    summary: "run processes for clients that hold a certificate",
    load: async () => (await import("./commands/server.ts")).command,
  },
  "client": {
    summary: "start, watch and stop processes on a remote server",
    load: async () => (await import("./commands/client.ts")).command,
  },
  "pki ca": {
    summary: "create a CA that signs server and client certificates",
    load: async () => (await import("./commands/pki.ts")).pkiCa,
  },
  "pki server": {
    summary: "create a server certificate",
    load: async () => (await import("./commands/pki.ts")).pkiServer,
  },
  "pki client": {
    summary: "create a client certificate",
    load: async () => (await import("./commands/pki.ts")).pkiClient,
  },
  "license verify": {
    summary: "check a license file",
    load: async () => (await import("./commands/license.ts")).licenseVerify,
  },
  "license show": {
    summary: "print the contents of a license file",
    load: async () => (await import("./commands/license.ts")).licenseShow,
  },
  "deactivate": {
    summary: "give this machine's place on a license back",
    load: async () => (await import("./commands/deactivate.ts")).command,
  },
  "fingerprint": {
    summary: "print this machine's hardware fingerprint",
    load: async () => (await import("./commands/fingerprint.ts")).command,
  },
  "doctor": {
    summary: "check everything a run depends on and suggest fixes",
    load: async () => (await import("./commands/doctor.ts")).command,
  },
  "vendor keygen": {
    summary: "create the organization's key pair",
    load: async () => (await import("./commands/vendor.ts")).vendorKeygen,
  },
  "vendor issue": {
    summary: "issue a license file",
    load: async () => (await import("./commands/vendor_issue.ts")).command,
  },
  "vendor serve": {
    summary: "run the license server",
    load: async () => (await import("./commands/vendor_serve.ts")).command,
  },
  "vendor list": {
    summary: "list licenses and their machines",
    load: async () => (await import("./commands/vendor.ts")).vendorList,
  },
  "vendor revoke": {
    summary: "revoke a license permanently",
    load: async () => (await import("./commands/vendor.ts")).vendorRevoke,
  },
  "vendor suspend": {
    summary: "suspend a license",
    load: async () => (await import("./commands/vendor.ts")).vendorSuspend,
  },
  "vendor reinstate": {
    summary: "lift a license's suspension",
    load: async () => (await import("./commands/vendor.ts")).vendorReinstate,
  },
  "vendor decommission": {
    summary: "remove a machine from a license",
    load: async () => (await import("./commands/vendor.ts")).vendorDecommission,
  },
  "vendor close": {
    summary: "let no new machine activate a license",
    load: async () => (await import("./commands/vendor.ts")).vendorClose,
  },
  "vendor reopen": {
    summary: "let new machines activate a closed license again",
    load: async () => (await import("./commands/vendor.ts")).vendorReopen,
  },
  "vendor block": {
    summary: "free a machine's place, and let it activate no more",
    load: async () => (await import("./commands/vendor.ts")).vendorBlock,
  },
  "vendor unblock": {
    summary: "let a blocked machine activate again",
    load: async () => (await import("./commands/vendor.ts")).vendorUnblock,
  },
  "vendor build": {
    summary: "build the programs for customers, with the organization's key built in",
    load: async () => (await import("./commands/vendor.ts")).vendorBuild,
  },
  "completions": {
    summary: "print the completion script for a shell",
    load: async () => (await import("./commands/completions.ts")).command,
  },
  "manual": {
    summary: "print the manual page",
    load: async () => (await import("./commands/manual.ts")).command,
  },
};

/** Splits the arguments after the command's name. Returns `undefined` if they do not begin with one. */
export function findCommand(
  args: readonly string[],
): { name: string; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(" ");
    if (args.length >= words && Object.hasOwn(COMMANDS, name)) {
      return { name, rest: args.slice(words) };
    }
  }
  return undefined;
}
