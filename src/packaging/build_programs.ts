import { isHttpUrl } from "../core/text.ts";
import type { Build, Profile, TamperPolicy } from "../core/build_info.ts";
import { describeError } from "../core/errors.ts";
import { hashFile } from "../core/files.ts";
import { resolve } from "../core/paths.ts";
import { readOrganizationKey } from "../license/organization_key.ts";
import type { SshSigner } from "../signing/ssh_signature.ts";
import { exportPublicKeyPem } from "../signing/ecdsa.ts";
import {
  BuildError,
  type DenoRole,
  type DenoTool,
  describeVersionMismatches,
  findErrorLine,
  runDeno,
} from "./run_deno.ts";
import {
  compileProgram,
  formatPermissionFlags,
  narrowPermissions,
  PERMISSION_SETS,
} from "./compile_program.ts";
import { layOutModules, type ModuleSource, type SourceInfo } from "./program_modules.ts";
import { writeChecksums } from "./checksums.ts";
import { formatProgramFileName, type Target } from "./targets.ts";

/** A built program. */
export interface BuiltFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

export interface BuildRequest {
  readonly profile: Profile;
  readonly targets: readonly Target[];
  /** Output directory; created if it is missing. */
  readonly out: string;
  /** The organization's public key (PEM). */
  readonly orgKeyPath?: string | undefined;
  readonly softwareId?: string | undefined;
  readonly serverUrl?: string | undefined;
  /** Whether a state replica is kept outside the folder of `--state-dir`, too. */
  readonly strictRollback?: boolean | undefined;
  /** The only program that may be launched: an absolute path on the customer's machine. */
  readonly softwarePath?: string | undefined;
  /** Response to tampering (default with an organization's key: `degrade`); customers can only choose a stricter one. */
  readonly antiTamper?: TamperPolicy | undefined;
}

interface BuildDependencies {
  /** Bundles the sources. */
  readonly bundler: DenoTool;
  /** Compiles the programs and puts its release's runtime into them. */
  readonly compiler: DenoTool;
  /** Whether `DENORT_BIN` names a runtime, which fits this machine only. */
  readonly hasOwnRuntime: boolean;
  /** The expected version of bundler and compiler. */
  readonly pinnedDeno: string;
  /** Reports a bundler or compiler of another version. */
  readonly note: (line: string) => void;
  /** This machine. */
  readonly host: Target;
  readonly modules: ModuleSource;
  readonly source: SourceInfo;
  /** Signs the checksums (default: no signature). */
  readonly sign?: SshSigner | undefined;
  /** Writes a module that runs before all others into the folder, and returns its name. */
  readonly addFirstModule?: ((folder: string) => Promise<string>) | undefined;
}

/** Builds the programs, updates `SHA256SUMS` beside them and signs it. @throws {BuildError} @throws {OrganizationKeyError} */
export async function buildPrograms(
  request: BuildRequest,
  deps: BuildDependencies,
): Promise<BuiltFile[]> {
  checkRequest(request, deps);
  for (const line of await describeVersionMismatches(listTools(deps), deps.pinnedDeno)) {
    deps.note(line);
  }
  const out = resolve(request.out);
  const build = { ...deps.source, ...await readCustomerDefaults(request) };
  await using folder = await createDirectories(out);
  await layOutModules(deps.modules, { folder: folder.path, deno: deps.bundler });
  const firstModule = await deps.addFirstModule?.(folder.path);
  const files: BuiltFile[] = [];
  for (const target of request.targets) {
    const name = formatProgramFileName(request.profile, target);
    const output = `${out}/${name}`;
    const program = { ...build, ...describeTarget(request, target) };
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
  await writeChecksums(out, { files, sign: deps.sign });
  return files;
}

/** Lists the Denos in use; a finished bundle needs no bundler. */
function listTools({ bundler, compiler, modules }: BuildDependencies): DenoRole[] {
  const compiles: DenoRole = { does: "compiles", deno: compiler };
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
    throw new BuildError(`DENORT_BIN is for this machine only (${host}), not ${other}`);
  }
}

function describeTarget(
  request: BuildRequest,
  target: Target,
): Pick<Build, "target" | "profile" | "permissions"> {
  const { profile } = request;
  const set = narrowPermissions(PERMISSION_SETS[profile], { ...request, target });
  return { target, profile, permissions: formatPermissionFlags(set) };
}

type CustomerDefaults = Pick<
  Build,
  "organizationKey" | "softwareId" | "serverUrl" | "strictRollback" | "antiTamper" | "ipcPeer"
>;

async function readCustomerDefaults(
  { orgKeyPath, softwareId, serverUrl, strictRollback = false, softwarePath, ...request }:
    BuildRequest,
): Promise<CustomerDefaults> {
  const antiTamper = request.antiTamper ?? (orgKeyPath === undefined ? undefined : "degrade");
  return {
    // normalizes the file's line endings
    ...(orgKeyPath !== undefined && {
      organizationKey: await exportPublicKeyPem(await readOrganizationKey(orgKeyPath)),
    }),
    ...(softwareId !== undefined && { softwareId }),
    ...(serverUrl !== undefined && { serverUrl }),
    ...(strictRollback && { strictRollback }),
    ...(antiTamper !== undefined && { antiTamper }),
    // a program that knows its software knows its clients
    ...(softwarePath !== undefined && { ipcPeer: "child" as const }),
  };
}

/** Deno compiles with a runtime of another release, but the program does not start. Skipped without permission to run it. */
async function checkStart(program: string): Promise<void> {
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return;
  const { success, stderr } = await runDeno({ path: program }, ["--version"]);
  if (success) return;
  await Deno.remove(program);
  throw new BuildError(
    `the program does not start: ${
      findErrorLine(stderr)
    } (is DENORT_BIN of the same release as Deno?)`,
  );
}

async function describeFile(path: string, name: string): Promise<BuiltFile> {
  using file = await Deno.open(path);
  return { name, path, bytes: (await file.stat()).size, sha256: await hashFile(file) };
}

/**
 * Creates the output directory and a temporary one in it. A program whose `--allow-run` names files may not write to the
 * system's temporary directory.
 */
async function createDirectories(out: string): Promise<AsyncDisposable & { path: string }> {
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
