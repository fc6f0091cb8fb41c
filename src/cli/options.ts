import { TAMPER_POLICIES } from "../core/build_info.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../core/log.ts";

/** One option; a flag if `value` is absent. */
export interface OptionSpec {
  /** Placeholder of the value in the help, such as `FILE`. */
  readonly value?: string;
  /** Short form, without its dash. */
  readonly letter?: string;
  readonly help: string;
  /** Allowed values, if there are few: the parser refuses others and completions offer these. */
  readonly words?: readonly string[];
  /** May be given more than once. */
  readonly repeatable?: true;
}

/**
 * Every option of every command; a name means the same in all of them. The variable of an option is `SENTINEL_` and its
 * name in upper case.
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
  json: { help: "print JSON" },
  config: { value: "FILE", help: "the configuration file (see docs/CONFIGURATION.md)" },

  license: { value: "FILE", help: "the license file" },
  software: { value: "FILE", help: "the program to launch" },
  "server-url": {
    value: "URL",
    help: "the license server, instead of the one in the license",
  },
  "state-dir": { value: "DIR", help: "the folder for the product's state and machine key" },
  "machine-name": {
    value: "NAME",
    help: "what the vendor sees this machine as (default: its host name)",
  },
  "org-key": { value: "FILE", help: "the organization's public key (PEM)" },
  "ca-file": { value: "FILE", help: "further certificates to trust (PEM)" },
  "pid-file": { value: "FILE", help: "the daemon's PID file" },
  foreground: { help: "stay in the foreground, as service managers expect" },
  detached: { help: "close the standard streams when ready (used by daemon start itself)" },
  service: { help: "run as a service: ask again after a refusal (used by services)" },
  "service-name": { value: "NAME", help: "the service's name (default: the software's)" },
  "check-config": { help: "check the configuration and exit" },
  "print-config": { help: "print the configuration with its defaults and exit" },
  socket: {
    value: "PATH",
    help: "the socket (default: SENTINEL_IPC_SOCKET, else the only one found)",
  },
  proof: { help: "ask for a proof of the license, and check it" },

  target: {
    value: "T",
    help: "a system to build for, or `all` (default: this one)",
    repeatable: true,
  },
  out: { value: "PATH", help: "where to write" },
  "sign-key": { value: "FILE", help: "the private key (ssh-keygen) that signs the checksums" },
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
    help: "a feature; V is JSON if it parses as JSON, else text (quote long numbers)",
    repeatable: true,
  },
  "heartbeat-minutes": { value: "N", help: "minutes between heartbeats (default: 60)" },
  "grace-days": { value: "N", help: "days the software may run without the server (default: 7)" },
  format: { value: "FORM", help: "v1 or v2 (default: v2)", words: ["v1", "v2"] },
  explain: { help: "list the components and the source of each" },
  fingerprint: { value: "F", help: "the machine's hardware fingerprint" },
  "weak-fingerprint": { help: "accept a fingerprint that similar machines have, too" },
  checksum: { value: "FILE", help: "the software whose SHA-256 goes into the license" },
  "forbid-release": { help: "machines cannot give their places back (`sentinel deactivate`)" },
  "license-key": { value: "K", help: "the license's key (default: a new one)" },
  database: { value: "DB", help: "the license server's database: a SQLite file" },
  "strict-rollback": { help: "keep a copy of the state outside the folder of --state-dir, too" },
  "anti-tamper": {
    value: "POLICY",
    help: "off, report, degrade or stop (default: degrade); a customer can only choose a stricter",
    words: TAMPER_POLICIES,
  },
  lost: { help: "the machine will not come back: free its place now" },
  address: { value: "ADDRESS", letter: "a", help: "address to listen on, or of the server" },
  port: { value: "PORT", letter: "p", help: "port to listen on (0 picks one), or of the server" },
  "tls-cert": { value: "FILE", help: "certificate chain (PEM) to serve https with" },
  "tls-key": { value: "FILE", help: "the certificate's private key (PEM)" },
  certificate: {
    value: "FILE",
    letter: "c",
    help: "this side's certificate, with its chain (PEM)",
  },
  "certificate-authority": {
    value: "FILE",
    letter: "C",
    help: "certificate of the CA that signed the other side's (PEM)",
  },
  ca: { value: "DIR", help: "the CA's folder, with ca.pem and ca.key" },
  name: { value: "NAME", help: "the certificate's name (CN)" },
  san: {
    value: "NAME|IP",
    help: "a further name or address of the server",
    repeatable: true,
  },
  role: { value: "ROLE", help: "observe or control (OU)", words: ["observe", "control"] },
  days: { value: "N", help: "days for which the certificate is valid" },
  csr: { value: "FILE", help: "a certificate request (PEM) to sign, instead of creating a key" },
  crl: { value: "FILE", help: "the CA's list of revoked certificates (PEM)" },
  "data-dir": { value: "DIR", help: "where to record processes and their output" },
  redact: {
    value: "PATTERN",
    help: "what the audit log leaves out of command lines: a regular expression",
    repeatable: true,
  },
  "observe-arguments": { help: "let `observe` see the arguments of processes" },
  "server-name": {
    value: "NAME",
    help: "name in the server's certificate (default: the address, or `server`)",
  },
  "trust-on-first-use": { help: "remember the server's certificate instead of trusting a CA" },
  crypto: {
    value: "C",
    help: "what signs and verifies: openssl if installed, or webcrypto (default: auto)",
    words: ["auto", "openssl", "webcrypto"],
  },
  "trust-proxy": { help: "take the client's address from X-Forwarded-For (audit only)" },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

/** An option's value; one of its words if they are limited. */
export type OptionValue<Name extends OptionName> = (typeof OPTIONS)[Name] extends
  { readonly words: readonly (infer Word)[] } ? Word : string;

/** Options that every command has. */
export const GLOBAL_OPTIONS: readonly OptionName[] = ["log-level", "log-format", "help", "version"];

/** The environment variable of an option: `SENTINEL_LOG_LEVEL` for `log-level`. */
export function toVariableName(option: OptionName): string {
  return "SENTINEL_" + option.toUpperCase().replaceAll("-", "_");
}
