import { assert, assertEquals } from "@std/assert";
import type { Organization } from "./organization.ts";
import { runProgram } from "./program.ts";
import type { TemporaryFolder } from "./temporary_folder.ts";

/** One line of `sentinel doctor --json`. */
export interface Check {
  readonly check: string;
  readonly outcome: string;
  readonly found: string;
  readonly advice: string | null;
}

/** What `sentinel doctor` said. */
export interface Diagnosis {
  readonly code: number;
  readonly isWell: boolean;
  readonly checks: readonly Check[];
}

/** Runs `sentinel doctor` with these arguments. */
export async function diagnose(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runProgram(["doctor", "--json", ...args], { env });
  assertEquals(stderr, "");
  const { ok, checks } = JSON.parse(stdout);
  return { code, isWell: ok, checks };
}

/** The line of a name. */
export function findCheck(diagnosis: Diagnosis, name: string): Check {
  return diagnosis.checks.find(({ check }) => check === name)!;
}

/** A customer's folder with a license that a test's organization signed; its server is the test's. */
export async function arrange(
  folder: TemporaryFolder,
  organization: Organization,
  payload: Parameters<Organization["license"]>[0],
): Promise<string[]> {
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  await Deno.writeTextFile(folder.at("a.lic"), await organization.license(payload));
  return [
    ...["--license", folder.at("a.lic"), "--org-key", folder.at("org.pem")],
    ...["--state-dir", folder.at("state")],
  ];
}

/** Everything in a folder, content and modes included. */
export async function snapshot(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const inner = `${path}/${name}`;
    const { mode, mtime } = await Deno.lstat(inner);
    if (isDirectory) lines.push(...await snapshot(inner));
    const text = isDirectory ? "" : (await Deno.readFile(inner)).toBase64();
    lines.push(`${inner} ${mode} ${mtime?.getTime()} ${text}`);
  }
  return lines.sort();
}

/** This line failed and says what to do; those before it did not fail. */
export function assertFails(diagnosis: Diagnosis, check: string): void {
  const first = diagnosis.checks.find(({ outcome }) => outcome === "failed");
  assertEquals(first?.check, check);
  assert(first!.advice !== null && first!.advice !== "");
  assertEquals(diagnosis.isWell, false);
}
