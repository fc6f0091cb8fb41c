import type { Build } from "../src/core/build.ts";
import { resolve } from "../src/core/paths.ts";
import { sha256OfFile } from "../src/core/sha256_file.ts";
import { loadOrganizationKey } from "../src/license/organization_key.ts";
import { compileTarget } from "./compile_target.ts";
import { readCommit } from "./commit.ts";
import { executableName } from "./targets.ts";

/** Why nothing was built, in one line. */
export class BuildError extends Error {}

export interface BuildRequest {
  readonly targets: readonly string[];
  readonly outFolder: string;
  /** The organisation's public key, to be built in. */
  readonly orgKeyPath: string | undefined;
  readonly softwareId: string | undefined;
  readonly serverUrl: string | undefined;
  /** A module that runs before the program, for tests. */
  readonly preload: string | undefined;
  /** SOURCE_DATE_EPOCH. */
  readonly epochSeconds: string | undefined;
  /** The runtime that goes into the executable, instead of the one that the compiler fetches. */
  readonly runtimePath: string | undefined;
  /** The runtime that compiles. */
  readonly compilerPath: string;
}

/**
 * Builds an executable for each target, and `SHA256SUMS` beside them.
 *
 * @param say Told of each file: its size and its checksum.
 * @throws {BuildError}
 */
export async function buildAll(
  request: BuildRequest,
  say: (line: string) => void,
): Promise<void> {
  const build = await describeBuild(request);
  const outFolder = resolve(request.outFolder);
  await Deno.mkdir(outFolder, { recursive: true });
  const sums: string[] = [];
  for (const target of request.targets) {
    const path = `${outFolder}/${executableName(target)}`;
    await compileTarget({ ...request, build: { ...build, target }, target, path });
    using file = await Deno.open(path);
    const [sum, { size }] = [await sha256OfFile(file), await file.stat()];
    say(`${path}: ${(size / 2 ** 20).toFixed(1)} MiB, SHA-256 ${sum}`);
    sums.push(`${sum}  ${executableName(target)}\n`);
  }
  await Deno.writeTextFile(`${outFolder}/SHA256SUMS`, sums.join(""));
}

async function describeBuild(request: BuildRequest): Promise<Build> {
  const { orgKeyPath, softwareId, serverUrl, epochSeconds } = request;
  const commit = await readCommit();
  const seconds = epochSeconds ?? commit?.seconds;
  if (seconds !== undefined && !/^\d{1,12}$/.test(seconds)) {
    throw new BuildError(`SOURCE_DATE_EPOCH must be whole seconds: current value is ${seconds}`);
  }
  if (serverUrl !== undefined && !/^https?:$/.test(URL.parse(serverUrl)?.protocol ?? "")) {
    throw new BuildError(`--server-url must be an http(s) URL: current value is ${serverUrl}`);
  }
  return {
    ...(commit !== undefined && { commit: commit.name }),
    ...(seconds !== undefined && { builtAt: new Date(Number(seconds) * 1000).toISOString() }),
    ...(orgKeyPath !== undefined && { organizationKey: await readPublicKey(orgKeyPath) }),
    ...(softwareId !== undefined && { softwareId }),
    ...(serverUrl !== undefined && { serverUrl }),
  };
}

/** Checked, so that no executable comes out that can prove nothing. */
async function readPublicKey(path: string): Promise<string> {
  try {
    await loadOrganizationKey({ path });
  } catch (error) {
    throw new BuildError((error as Error).message, { cause: error });
  }
  return await Deno.readTextFile(path);
}
