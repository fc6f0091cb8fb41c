import type { Profile } from "../core/build_info.ts";

/** Targets of `deno compile` (`deno compile --help=full`, `--target`). */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;
export type Target = (typeof TARGETS)[number];

export function isTarget(text: string): text is Target {
  return (TARGETS as readonly string[]).includes(text);
}

export function isWindows(target: Target): boolean {
  return target.includes("windows");
}

export function formatProgramFileName(profile: Profile, target: Target): string {
  const program = profile === "customer" ? "sentinel" : `sentinel-${profile}`;
  return `${program}-${target}${isWindows(target) ? ".exe" : ""}`;
}
