import type { Finding } from "./check_invariants.ts";

/** Formats the result of a soak: a line for each invariant, with its complaints below. */
export function reportTable(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ invariant }) => invariant.length));
  return findings.flatMap(({ invariant, looked, complaints }) => [
    `${complaints.length === 0 ? "ok    " : "BROKEN"}  ${invariant.padEnd(width)}  ${looked}`,
    ...complaints.map((complaint) => `        ${complaint.replaceAll("\n", "\n          ")}`),
  ]).join("\n");
}
