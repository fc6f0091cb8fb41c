/** What the pinned runtime can be compiled for. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

export function isTarget(name: string): boolean {
  return TARGETS.includes(name);
}

/** The executable's name. */
export function executableName(target: string): string {
  return `sentinel-${target}${target.includes("windows") ? ".exe" : ""}`;
}
