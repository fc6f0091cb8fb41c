import { isHttpUrl } from "../core/text.ts";
import type { Build, Profile } from "../core/build_info.ts";
import { describeError } from "../core/errors.ts";
import { lstatIfExists, sha256OfFile } from "../core/files.ts";
import { resolve } from "../core/paths.ts";
import { readOrganizationKey } from "../license/organization_key.ts";
import { exportPublicKeyPem } from "../signing/ecdsa.ts";
import { BuildError, type DenoTool, faultLine, runDeno } from "./run_deno.ts";
import { compileProgram, narrow, PERMISSION_SETS, permissionFlags } from "./compile_program.ts";
import { type DenoPart, otherDenoLines } from "./pinned_deno.ts";
import { layOutModules, type ModuleSource, type SourceInfo } from "./program_modules.ts";
import { programFileName, type Target } from "./targets.ts";

/** A file that was made. */
export interface BuiltFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** The file that `sha256sum --check` reads (sha256sum(1)). */
const CHECKSUMS_FILE = "SHA256SUMS";

/**
 * The lines of a checksum file, by name, with these files among those that it had.
 *
 * @param before What is in the file now; empty where there is none.
 */
export function mergeChecksums(before: string, files: readonly BuiltFile[]): string {
  const sums = new Map(
    before.split("\n").flatMap((line) => {
      const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sum === undefined || name === undefined ? [] : [[name, sum] as const];
    }),
  );
  for (const { name, sha256 } of files) sums.set(name, sha256);
  const names = [...sums.keys()].sort();
  return names.map((name) => `${sums.get(name)}  ${name}\n`).join("");
}

/** Programs to be built. */
export interface BuildRequest {
  readonly profile: Profile;
  readonly targets: readonly Target[];
  /** The folder that the programs go to; made where there is none. */
  readonly out: string;
  /** Of the organization (PEM). */
  readonly orgKeyPath?: string | undefined;
  readonly softwareId?: string | undefined;
  readonly serverUrl?: string | undefined;
  /** The one program to be launched: absolute, on the customer's machine. */
  readonly softwarePath?: string | undefined;
}

/** What building takes. */
interface BuildDependencies {
  /** Bundles the sources: the Deno that runs this. */
  readonly bundler: DenoTool;
  /** Compiles; the runtime of its release goes into the programs. */
  readonly compiler: DenoTool;
  /** `DENORT_BIN` names one, which is this machine's. */
  readonly hasOwnRuntime: boolean;
  /** The version that bundler and compiler are to be of. */
  readonly pinnedDeno: string;
  /** Tells that one of them is of another version. */
  readonly note: (line: string) => void;
  /** This machine. */
  readonly host: Target;
  readonly modules: ModuleSource;
  /** What is known of the modules. */
  readonly source: SourceInfo;
  /** Puts a module beside the others that is run first, and names it. */
  readonly addFirstModule?: ((folder: string) => Promise<string>) | undefined;
}

/** Builds the programs, with their checksums beside them. @throws {BuildError} @throws {OrganizationKeyError} */
export async function buildPrograms(
  request: BuildRequest,
  deps: BuildDependencies,
): Promise<BuiltFile[]> {
  checkRequest(request, deps);
  for (const line of await otherDenoLines(parts(deps), deps.pinnedDeno)) deps.note(line);
  const out = resolve(request.out);
  const build = { ...deps.source, ...await fixedForCustomers(request) };
  await using folder = await makeFolders(out);
  await layOutModules(deps.modules, { folder: folder.path, deno: deps.bundler });
  const firstModule = await deps.addFirstModule?.(folder.path);
  const files: BuiltFile[] = [];
  for (const target of request.targets) {
    const name = programFileName(request.profile, target);
    const output = `${out}/${name}`;
    const program = { ...build, ...targetFacts(request, target) };
    await compileProgram(deps.compiler, {
      folder: folder.path,
      target,
      build: program,
      firstModule,
      output,
    });
    if (target === deps.host) await checkStart(output);
    files.push(await describeFile(output, name));
  }
  await writeChecksums(out, files);
  return files;
}

/** Modules that are a bundle already need no bundler. */
function parts({ bundler, compiler, modules }: BuildDependencies): DenoPart[] {
  const compiles: DenoPart = { does: "compiles", deno: compiler };
  if (modules.kind === "bundle") return [compiles];
  return [{ does: "bundles", deno: bundler }, compiles];
}

function checkRequest(
  { targets, serverUrl, softwarePath }: BuildRequest,
  { hasOwnRuntime, host }: BuildDependencies,
): void {
  if (serverUrl !== undefined && !isHttpUrl(serverUrl)) {
    throw new BuildError(`--server-url must be an http(s) URL: current value is ${serverUrl}`);
  }
  if (softwarePath !== undefined && !/^(?:\/|[A-Za-z]:[\\/])/.test(softwarePath)) {
    throw new BuildError(`--software must be an absolute path: current value is ${softwarePath}`);
  }
  const other = targets.find((target) => target !== host);
  if (hasOwnRuntime && other !== undefined) {
    throw new BuildError(`DENORT_BIN is for this machine alone (${host}), not ${other}`);
  }
}

function targetFacts(
  request: BuildRequest,
  target: Target,
): Pick<Build, "target" | "profile" | "permissions"> {
  const { profile } = request;
  const set = narrow(PERMISSION_SETS[profile], { ...request, target });
  return { target, profile, permissions: permissionFlags(set) };
}

async function fixedForCustomers(
  { orgKeyPath, softwareId, serverUrl }: BuildRequest,
): Promise<Pick<Build, "organizationKey" | "softwareId" | "serverUrl">> {
  return {
    // in one spelling, whatever the file's line ends are
    ...(orgKeyPath !== undefined && {
      organizationKey: await exportPublicKeyPem(await readOrganizationKey(orgKeyPath)),
    }),
    ...(softwareId !== undefined && { softwareId }),
    ...(serverUrl !== undefined && { serverUrl }),
  };
}

/** A runtime of another release compiles all the same, into what does not start. Who may run Deno alone does not look. */
async function checkStart(program: string): Promise<void> {
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return;
  const { success, stderr } = await runDeno({ path: program }, ["--version"]);
  if (success) return;
  await Deno.remove(program);
  throw new BuildError(
    `the program does not start: ${faultLine(stderr)} (is DENORT_BIN of the same release as Deno?)`,
  );
}

async function describeFile(path: string, name: string): Promise<BuiltFile> {
  using file = await Deno.open(path);
  return { name, path, bytes: (await file.stat()).size, sha256: await sha256OfFile(file) };
}

async function writeChecksums(out: string, files: readonly BuiltFile[]): Promise<void> {
  const path = `${out}/${CHECKSUMS_FILE}`;
  try {
    const before = await lstatIfExists(path) === undefined ? "" : await Deno.readTextFile(path);
    await Deno.writeTextFile(path, mergeChecksums(before, files));
  } catch (cause) {
    throw new BuildError(`checksums cannot be written to ${path}: ${describeError(cause)}`, {
      cause,
    });
  }
}

/**
 * Makes the folder that the programs go to, and a temporary one in it: the system's own is not for a program whose
 * `--allow-run` names files, as it may not write these.
 */
async function makeFolders(out: string): Promise<AsyncDisposable & { path: string }> {
  try {
    await Deno.mkdir(out, { recursive: true });
    const path = await Deno.makeTempDir({ dir: out, prefix: ".sentinel-build-" });
    return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
  } catch (cause) {
    throw new BuildError(`programs cannot be written to ${out}: ${describeError(cause)}`, {
      cause,
    });
  }
}
