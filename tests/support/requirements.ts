import { IS_WINDOWS } from "./system.ts";

/** Programs that tests run, by the Debian package that has them. */
export const PROGRAMS = {
  bash: ["bash"],
  coreutils: ["env", "mkfifo", "sha256sum", "stat"],
  curl: ["curl"],
  dbus: ["dbus-run-session"],
  fish: ["fish"],
  gcc: ["cc", "gcc"],
  git: ["git"],
  "gnome-keyring": ["gnome-keyring-daemon"],
  "golang-go": ["go"],
  keyutils: ["keyctl"],
  "libsecret-tools": ["secret-tool"],
  mandoc: ["mandoc"],
  mount: ["mount"],
  "nix-bin": ["nix-instantiate"],
  nodejs: ["node"],
  "openssh-client": ["ssh-keygen"],
  openssl: ["openssl"],
  procps: ["ps"],
  python3: ["python3"],
  socat: ["socat"],
  strace: ["strace"],
  systemd: ["systemctl", "systemd-analyze"],
  "util-linux": ["findmnt", "nsenter", "setpriv", "setsid", "unshare"],
  zsh: ["zsh"],
} as const;

/** A program whose package is known. */
export type Program = (typeof PROGRAMS)[keyof typeof PROGRAMS][number];

/** Whether a program is on the PATH. */
export function hasProgram(name: Program): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => hasFile(`${folder}/${name}`));
}

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What a test needs beyond Deno, and whether it is here. */
export interface Requirement {
  /** Completes "needs …": `root`, or `setpriv (package util-linux)`. */
  readonly need: string;
  readonly met: boolean;
}

export function needsProgram(name: Program): Requirement {
  const [packageName] = Object.entries(PROGRAMS)
    .find(([, programs]) => (programs as readonly string[]).includes(name))!;
  return { need: `${name} (package ${packageName})`, met: hasProgram(name) };
}

/** What all of them need, as one; only what is missing is named. */
export function allOf(...requirements: readonly Requirement[]): Requirement {
  const missing = requirements.filter(({ met }) => !met).map(({ need }) => need);
  return { need: missing.join("; "), met: missing.length === 0 };
}

/** To compile C programs that use OpenSSL. */
export const OPENSSL_HEADERS: Requirement = {
  need: "openssl/evp.h (package libssl-dev)",
  met: hasFile("/usr/include/openssl/evp.h"),
};

export const NEEDS_ROOT: Requirement = { need: "root", met: Deno.uid() === 0 };

/** For what is said of files that local sockets are. */
export const UNIX_SOCKETS: Requirement = { need: "sockets that are files", met: !IS_WINDOWS };

/** For what only Windows has. */
export const WINDOWS: Requirement = { need: "Windows", met: IS_WINDOWS };

/** For ending one direction of a connection. */
export const HALF_CLOSE: Requirement = { need: "half-closed connections", met: !IS_WINDOWS };

/** For `/proc` and real-time signals. */
export const LINUX: Requirement = { need: "Linux", met: Deno.build.os === "linux" };

/** For programs, paths and signals as POSIX has them. */
export const POSIX: Requirement = { need: "a POSIX system", met: !IS_WINDOWS };

/** For the control of an attack, which doubles parts of the program: doubles are from source in every suite. */
const UNDOUBLED: Requirement = {
  need: "the program from source",
  met: !Deno.env.get("SENTINEL_BIN"),
};

/** Defines a test that is skipped, and says in its name what it needs, if something is missing. */
export function testWith(
  requirements: readonly Requirement[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const isControl = name.endsWith(": the attack");
  const { need, met } = allOf(...requirements, ...(isControl ? [UNDOUBLED] : []));
  Deno.test({ name: met ? name : `${name} (skipped: needs ${need})`, ignore: !met, fn });
}
