import type { BuildInfo, Profile } from "../../core/build_info.ts";
import { describeError } from "../../core/errors.ts";
import { exportPublicKeyPem, importPublicKeyPem } from "../../signing/ecdsa.ts";
import { sha256OfFile } from "../../core/sha256_file.ts";
import { BuildError } from "./build_error.ts";
import { type BuiltFile, CHECKSUMS_FILE, mergeChecksums } from "./checksums.ts";
import { compileProgram } from "./compile_program.ts";
import { narrow, permissionFlags, permissionSet } from "./permissions.ts";
import { layOutModules, type ModuleSource } from "./program_modules.ts";
import { type DenoTool, faultLine, runDeno } from "./run_deno.ts";
import { programFileName, type Target } from "./targets.ts";

/** Programs to be built. */
export interface BuildRequest {
  readonly profile: Profile;
  /** Empty: for this machine, under a name without the target. */
  readonly targets: readonly Target[];
  /** The folder that the programs go to; made where there is none. */
  readonly out: string;
  /** Of the organisation (PEM). */
  readonly orgKeyPath?: string | undefined;
  readonly softwareId?: string | undefined;
  readonly serverUrl?: string | undefined;
  /** The one program to be launched: absolute, on the customer's machine. */
  readonly softwarePath?: string | undefined;
}

/** What building takes. */
export interface BuildDependencies {
  /** Bundles the sources. */
  readonly bundler: DenoTool;
  /** Compiles; the runtime of its release goes into the programs. */
  readonly compiler: DenoTool;
  /** This machine's. */
  readonly host: Target;
  readonly modules: ModuleSource;
  /** What is known of the modules. */
  readonly info: BuildInfo;
  /** Puts a module beside the others that is run first, and names it. */
  readonly addFirstModule?: ((folder: string) => Promise<string>) | undefined;
}

/** Builds the programs, with their checksums beside them. @throws {BuildError} */
export async function buildPrograms(
  request: BuildRequest,
  deps: BuildDependencies,
): Promise<BuiltFile[]> {
  const { profile, out } = request;
  const info = { ...deps.info, profile, ...await fixedForCustomers(request) };
  await Deno.mkdir(out, { recursive: true });
  await using folder = await temporaryFolder();
  await layOutModules(deps.modules, { folder: folder.path, deno: deps.bundler });
  const firstModule = await deps.addFirstModule?.(folder.path);
  const files: BuiltFile[] = [];
  for (const target of request.targets.length > 0 ? request.targets : [deps.host]) {
    const name = programFileName(
      profile === "customer" ? "sentinel" : `sentinel-${profile}`,
      request.targets.length > 0 ? target : undefined,
      deps.host,
    );
    const permissions = permissionFlags(narrow(permissionSet(profile), { target, ...request }));
    const output = `${out}/${name}`;
    await compileProgram(deps.compiler, {
      folder: folder.path,
      target,
      info: { ...info, permissions },
      firstModule,
      output,
    });
    if (target === deps.host) await checkStart(output);
    files.push(await describeFile(output, name));
  }
  await writeChecksums(out, files);
  return files;
}

async function fixedForCustomers(
  { orgKeyPath, softwareId, serverUrl }: BuildRequest,
): Promise<Pick<BuildInfo, "organizationKey" | "softwareId" | "serverUrl">> {
  return {
    ...(orgKeyPath !== undefined && { organizationKey: await readKey(orgKeyPath) }),
    ...(softwareId !== undefined && { softwareId }),
    ...(serverUrl !== undefined && { serverUrl }),
  };
}

/** The key in one spelling, whatever the file's line ends are. */
async function readKey(path: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new BuildError(`organization key cannot be read: ${path} (${describeError(cause)})`, {
      cause,
    });
  }
  const key = await importPublicKeyPem(text);
  if (key !== undefined) return await exportPublicKeyPem(key);
  throw new BuildError(`organization key is no P-256 public key (PEM): ${path}`);
}

/** A runtime of another release compiles all the same, into what does not start. */
async function checkStart(program: string): Promise<void> {
  const path = await Deno.realPath(program);
  const { success, stderr } = await runDeno({ path }, ["--version"]);
  if (success) return;
  throw new BuildError(
    `the program does not start: ${faultLine(stderr)} (is DENORT_BIN of the same release as Deno?)`,
  );
}

async function describeFile(path: string, name: string): Promise<BuiltFile> {
  using file = await Deno.open(path);
  return { name, bytes: (await file.stat()).size, sha256: await sha256OfFile(file) };
}

async function writeChecksums(out: string, files: readonly BuiltFile[]): Promise<void> {
  const path = `${out}/${CHECKSUMS_FILE}`;
  let before = "";
  try {
    before = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.writeTextFile(path, mergeChecksums(before, files));
}

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "sentinel-build-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
