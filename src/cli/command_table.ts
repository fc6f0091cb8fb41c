import type { CommandEntry } from "./command.ts";

/** All commands by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  "run": {
    summary: "prove the license, launch the software and keep the license alive",
    load: async () => (await import("./commands/run.ts")).command,
  },
  "ipc": {
    summary: "ask a running sentinel over its local socket",
    load: async () => (await import("./commands/ipc.ts")).command,
  },
  "daemon start": {
    summary: "run the software as a daemon",
    load: async () => (await import("./commands/daemon_start.ts")).command,
  },
  "daemon stop": {
    summary: "stop the daemon with its software, and wait until it has",
    load: async () => (await import("./commands/daemon.ts")).daemonStop,
  },
  "daemon restart": {
    summary: "stop the daemon and start it again",
    load: async () => (await import("./commands/daemon.ts")).daemonRestart,
  },
  "daemon status": {
    summary: "tell how the daemon, its software and its license are",
    load: async () => (await import("./commands/daemon.ts")).daemonStatus,
  },
  "daemon reload": {
    summary: "have the daemon read configuration and license again",
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
    summary: "write the daemon's definition where the service manager finds it",
    load: async () => (await import("./commands/service.ts")).serviceInstall,
  },
  "service uninstall": {
    summary: "remove what service install has written",
    load: async () => (await import("./commands/service.ts")).serviceUninstall,
  },
  "server": {
    summary: "run processes for clients that hold a certificate",
    load: async () => (await import("./commands/server.ts")).command,
  },
  "client": {
    summary: "start, watch and stop processes on a server",
    load: async () => (await import("./commands/client.ts")).command,
  },
  "pki ca": {
    summary: "make a CA that signs certificates for server and clients",
    load: async () => (await import("./commands/pki.ts")).pkiCa,
  },
  "pki server": {
    summary: "make a server's certificate",
    load: async () => (await import("./commands/pki.ts")).pkiServer,
  },
  "pki client": {
    summary: "make a client's certificate",
    load: async () => (await import("./commands/pki.ts")).pkiClient,
  },
  "license verify": {
    summary: "check a license file",
    load: async () => (await import("./commands/license.ts")).licenseVerify,
  },
  "license show": {
    summary: "print what a license file says",
    load: async () => (await import("./commands/license.ts")).licenseShow,
  },
  "fingerprint": {
    summary: "print this machine's hardware fingerprint",
    load: async () => (await import("./commands/fingerprint.ts")).command,
  },
  "doctor": {
    summary: "look at everything that a run depends on, and say what to do",
    load: async () => (await import("./commands/doctor.ts")).command,
  },
  "vendor keygen": {
    summary: "make the organization's key pair",
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
    summary: "revoke a license for good",
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
    summary: "take a license off a machine",
    load: async () => (await import("./commands/vendor.ts")).vendorDecommission,
  },
  "vendor build": {
    summary: "build the programs for customers, with the organization's key inside",
    load: async () => (await import("./commands/vendor.ts")).vendorBuild,
  },
  "completions": {
    summary: "print a shell's completions for sentinel",
    load: async () => (await import("./commands/completions.ts")).command,
  },
  "manual": {
    summary: "print the manual page",
    load: async () => (await import("./commands/manual.ts")).command,
  },
};

/** The name at the front of the arguments and what follows it, or `undefined` where no command is named so. */
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
