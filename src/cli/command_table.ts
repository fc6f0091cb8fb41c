import type { Command } from "./command.ts";

/** A command's line in the help and the way to its module, which is loaded only when the command is called. */
export interface CommandEntry {
  readonly summary: string;
  load(): Promise<{ command: Command }>;
}

/** All commands by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  "run": {
    summary: "prove the licence, launch the software and keep the licence alive",
    load: () => import("./commands/run.ts"),
  },
  "ipc": {
    summary: "ask a running sentinel over its local socket",
    load: () => import("./commands/ipc.ts"),
  },
  "daemon start": {
    summary: "run the software as a daemon",
    load: () => import("./commands/daemon_start.ts"),
  },
  "daemon stop": {
    summary: "stop the daemon with its software, and wait until it has",
    load: () => import("./commands/daemon_stop.ts"),
  },
  "daemon restart": {
    summary: "stop the daemon and start it again",
    load: () => import("./commands/daemon_restart.ts"),
  },
  "daemon status": {
    summary: "tell how the daemon, its software and its license are",
    load: () => import("./commands/daemon_status.ts"),
  },
  "daemon reload": {
    summary: "have the daemon read configuration and license again",
    load: () => import("./commands/daemon_reload.ts"),
  },
  "daemon stats": {
    summary: "print the daemon's statistics",
    load: () => import("./commands/daemon_stats.ts"),
  },
  "service print": {
    summary: "print the daemon's definition for a service manager",
    load: () => import("./commands/service_print.ts"),
  },
  "service install": {
    summary: "write the daemon's definition where the service manager finds it",
    load: () => import("./commands/service_install.ts"),
  },
  "service uninstall": {
    summary: "remove what service install has written",
    load: () => import("./commands/service_uninstall.ts"),
  },
  "server": {
    summary: "run processes for clients that hold a certificate",
    load: () => import("./commands/server.ts"),
  },
  "client": {
    summary: "start, watch and stop processes on a server",
    load: () => import("./commands/client.ts"),
  },
  "pki ca": {
    summary: "make a CA that signs certificates for server and clients",
    load: () => import("./commands/pki_ca.ts"),
  },
  "pki server": {
    summary: "make a server's certificate",
    load: () => import("./commands/pki_server.ts"),
  },
  "pki client": {
    summary: "make a client's certificate",
    load: () => import("./commands/pki_client.ts"),
  },
  "license verify": {
    summary: "check a licence file",
    load: () => import("./commands/license_verify.ts"),
  },
  "license show": {
    summary: "print what a licence file says",
    load: () => import("./commands/license_show.ts"),
  },
  "fingerprint": {
    summary: "print this machine's hardware fingerprint",
    load: () => import("./commands/fingerprint.ts"),
  },
  "doctor": {
    summary: "look at everything that a run depends on, and say what to do",
    load: () => import("./commands/doctor.ts"),
  },
  "vendor keygen": {
    summary: "make the organisation's key pair",
    load: () => import("./commands/vendor_keygen.ts"),
  },
  "vendor issue": {
    summary: "issue a licence file",
    load: () => import("./commands/vendor_issue.ts"),
  },
  "vendor serve": {
    summary: "run the licence server",
    load: () => import("./commands/vendor_serve.ts"),
  },
  "vendor list": {
    summary: "list licences and their machines",
    load: () => import("./commands/vendor_list.ts"),
  },
  "vendor revoke": {
    summary: "revoke a licence for good",
    load: () => import("./commands/vendor_revoke.ts"),
  },
  "vendor suspend": {
    summary: "suspend a licence",
    load: () => import("./commands/vendor_suspend.ts"),
  },
  "vendor reinstate": {
    summary: "lift a licence's suspension",
    load: () => import("./commands/vendor_reinstate.ts"),
  },
  "vendor decommission": {
    summary: "take a licence off a machine",
    load: () => import("./commands/vendor_decommission.ts"),
  },
  "vendor build": {
    summary: "build the programs for customers, with the organisation's key inside",
    load: () => import("./commands/vendor_build.ts"),
  },
  "completions": {
    summary: "print a shell's completions for sentinel",
    load: () => import("./commands/completions.ts"),
  },
  "manual": {
    summary: "print the manual page",
    load: () => import("./commands/manual.ts"),
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
