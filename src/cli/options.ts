import { LOG_FORMATS, LOG_LEVELS } from "../core/log.ts";

/** One option: a flag where `value` is absent. */
export interface OptionSpec {
  /** What stands for the value in the help, such as `FILE`. */
  readonly value?: string;
  /** The letter that stands for it, behind one dash. */
  readonly letter?: string;
  readonly help: string;
  /** The values that the parser allows, for an option that has a few; completions offer them. */
  readonly words?: readonly string[];
  /** May be given more than once. */
  readonly repeatable?: true;
}

/**
 * Every option of every command: one name means one thing everywhere. The variable of an option is its name in capitals
 * behind `SENTINEL_`.
 */
export const OPTIONS = {
  help: { letter: "h", help: "show this help" },
  version: { help: "show the version" },
  "log-level": {
    value: "LEVEL",
    help: "debug, info, warn or error (default: info)",
    words: LOG_LEVELS,
  },
  "log-format": {
    value: "FORMAT",
    help: "text or json (default: text)",
    words: LOG_FORMATS,
  },
  json: { help: "output for programs" },
  config: { value: "FILE", help: "the configuration file (see docs/CONFIGURATION.md)" },

  license: { value: "FILE", help: "the license file" },
  software: { value: "FILE", help: "the program to launch" },
  "server-url": {
    value: "URL",
    help: "the license server; a run asks it instead of the license's own",
  },
  "state-dir": { value: "DIR", help: "where state and machine key are kept" },
  "org-key": { value: "FILE", help: "the organization's public key (PEM)" },
  "ca-file": { value: "FILE", help: "certificates to trust besides the usual ones (PEM)" },
  "pid-file": { value: "FILE", help: "the daemon's PID file" },
  foreground: { help: "stay in the foreground, as service managers want it" },
  detached: { help: "leave the standard streams when ready (for daemon start itself)" },
  service: { help: "run as a service of Windows (for the service itself)" },
  "service-name": { value: "NAME", help: "the service's name (default: the software's)" },
  "check-config": { help: "check the configuration, and do nothing" },
  "print-config": { help: "print the configuration with its defaults, and do nothing" },
  socket: {
    value: "PATH",
    help: "the socket (default: SENTINEL_IPC_SOCKET, else the only one there is)",
  },

  target: {
    value: "T",
    help: "a system to build for, or `all` (default: this one)",
    repeatable: true,
  },
  out: { value: "PATH", help: "where to write" },
  key: { value: "FILE", letter: "k", help: "the private key (PEM)" },
  type: {
    value: "TYPE",
    help: "standard or hardware-bound",
    words: ["standard", "hardware-bound"],
  },
  org: { value: "ID", help: "the organization's id" },
  "software-id": { value: "ID", help: "the software's id" },
  expires: { value: "YYYY-MM-DD", help: "last day on which the license is valid (UTC)" },
  issued: {
    value: "YYYY-MM-DD",
    help: "first day on which the license is valid (default: today, UTC)",
  },
  "max-machines": { value: "N", help: "how many machines may be active (default: 1)" },
  feature: {
    value: "K=V",
    help: "a feature; V is JSON where it can be read as such, else text",
    repeatable: true,
  },
  "heartbeat-minutes": { value: "N", help: "minutes between heartbeats (default: 60)" },
  "grace-days": { value: "N", help: "days the software may run without the server (default: 7)" },
  format: { value: "FORM", help: "v1 or v2 (default: v2)", words: ["v1", "v2"] },
  explain: { help: "list the components and where each was read" },
  fingerprint: { value: "F", help: "the hardware fingerprint of the one machine" },
  checksum: { value: "FILE", help: "the software whose SHA-256 goes into the license" },
  "license-key": { value: "K", help: "the license's key (default: a new one)" },
  database: { value: "DB", help: "the license server's database: a SQLite file" },
  lost: { help: "the machine does not come back: its place is free at once" },
  address: { value: "ADDRESS", letter: "a", help: "address to listen on, or of the server" },
  port: { value: "PORT", letter: "p", help: "port to listen on (0 picks one), or of the server" },
  "tls-cert": { value: "FILE", help: "certificate chain (PEM) to serve https with" },
  "tls-key": { value: "FILE", help: "the certificate's private key (PEM)" },
  certificate: { value: "FILE", letter: "c", help: "our own certificate, with its chain (PEM)" },
  "certificate-authority": {
    value: "FILE",
    letter: "C",
    help: "certificate of the CA that signs the other side's (PEM)",
  },
  ca: { value: "DIR", help: "the CA's folder, with ca.pem and ca.key" },
  name: { value: "NAME", help: "the certificate's name (CN)" },
  san: {
    value: "NAME|IP",
    help: "a further name or address that the server is reached by",
    repeatable: true,
  },
  role: { value: "ROLE", help: "observe or control (OU)", words: ["observe", "control"] },
  days: { value: "N", help: "days for which the certificate is valid" },
  csr: { value: "FILE", help: "a certificate request (PEM) to sign, instead of making a key" },
  crl: { value: "FILE", help: "the CA's list of revoked certificates (PEM)" },
  "data-dir": { value: "DIR", help: "where processes and their output are recorded" },
  "server-name": {
    value: "NAME",
    help: "name in the server's certificate (default: the address, or `server`)",
  },
  "trust-on-first-use": { help: "remember the server's certificate instead of asking a CA" },
  "trust-proxy": { help: "take the client's address from X-Forwarded-For (audit only)" },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

/** An option's value: one of its words, if it has some. */
export type OptionValue<Name extends OptionName> = (typeof OPTIONS)[Name] extends
  { readonly words: readonly (infer Word)[] } ? Word : string;

/** Options that every command has. */
export const GLOBAL_OPTIONS: readonly OptionName[] = ["log-level", "log-format", "help", "version"];

/** The variable of an option. */
export function variableOf(option: OptionName): string {
  return "SENTINEL_" + option.toUpperCase().replaceAll("-", "_");
}
