import { VERSION } from "../../../src/core/build_info.ts";
import { cacheBundler, findPackageCache } from "../package_cache.ts";
import { sharedFolder, type TemporaryFolder } from "../temporary_folder.ts";
import { makeSourcesRepository, runGit } from "./sources_repository.ts";
import { StandInPrograms, writeStandInCompiler } from "./stand_in_programs.ts";
import type { RunSettings } from "./workflow_run.ts";

/** The tag that a release of the sources has. */
export const TAG = `v${VERSION}`;

/** What runs of the workflows have in common: the sources' repository, and machines that compile without a network. */
export interface SourcesMachine {
  readonly settings: RunSettings;
  readonly programs: StandInPrograms;
}

/** Prepares runs for a commit on `main`, or for the tag. */
export async function sourcesMachine(
  folder: TemporaryFolder,
  event: "push" | "tag",
): Promise<SourcesMachine> {
  await cacheBundler();
  const repository = await (shared ??= sharedRepository());
  for (const name of ["jobs", "programs"]) await Deno.mkdir(folder.at(name));
  await writeStandInCompiler(folder.at("compiler"));
  const [kind, name] = event === "push" ? ["heads", "main"] : ["tags", TAG];
  return {
    programs: new StandInPrograms(folder.at("programs")),
    settings: {
      folder: folder.at("jobs"),
      repositories: { "acme/sentinel": repository },
      github: {
        repository: "acme/sentinel",
        ...{ event_name: "push", ref: `refs/${kind}/${name}`, ref_name: name!, token: "ghs_token" },
        sha: (await runGit("-C", repository, "rev-parse", "HEAD")).trim(),
      },
      programs: folder.at("programs"),
      machine: { BUILD_DENO: folder.at("compiler"), DENO_DIR: await findPackageCache() },
    },
  };
}

let shared: Promise<string> | undefined;

/** The repository that tests of a file share; runs clone it and leave it as it is. */
async function sharedRepository(): Promise<string> {
  const repository = `${await sharedFolder()}/sentinel`;
  await makeSourcesRepository(repository, { tag: TAG, version: VERSION });
  return repository;
}
