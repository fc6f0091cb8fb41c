import { assert, assertEquals } from "@std/assert";
import { basename, dirname } from "@std/path";
import { globToRegExp } from "@std/path/glob-to-regexp";
import { runTool } from "../run_tool.ts";
import { runGit } from "./sources_repository.ts";

/** What an action's stand-in works with. */
export interface ActionCall {
  /** The inputs with their values, as strings. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The job's working folder. */
  readonly workspace: string;
  /** Folders by artifact, which jobs of a run share. */
  readonly artifacts: Map<string, string>;
  /** The path of a repository `OWNER/NAME`. */
  readonly repository: (name?: string) => string;
  /** What is checked out if no `ref` is given. */
  readonly ref: string;
  readonly isWindows: boolean;
  /** A new folder, outside of the workspace. */
  readonly makeFolder: () => Promise<string>;
  /** Puts a folder before the others of the PATH, for the steps that follow. */
  readonly addPath: (folder: string) => void;
}

interface Action {
  /** The release and its commit; the inputs are that release's. */
  readonly version: string;
  readonly commit: string;
  readonly inputs: readonly string[];
  /** Does what the steps behind it need. */
  readonly standIn: (call: ActionCall) => Promise<void>;
}

/** The actions that workflows may use. For another release, its commit and the inputs of its `action.yml` are looked up. */
const ACTIONS: Readonly<Record<string, Action>> = {
  "actions/checkout": {
    version: "v4.2.2",
    commit: "11bd71901bbe5b1630ceea73d27597364c9af683",
    inputs: [
      ...["repository", "ref", "token", "ssh-key", "ssh-known-hosts", "ssh-strict", "ssh-user"],
      ...["persist-credentials", "path", "clean", "filter", "sparse-checkout"],
      ...["sparse-checkout-cone-mode", "fetch-depth", "fetch-tags", "show-progress", "lfs"],
      ...["submodules", "set-safe-directory", "github-server-url"],
    ],
    standIn: checkOut,
  },
  "denoland/setup-deno": {
    version: "v2.0.4",
    commit: "667a34cdef165d8d2b2e98dde39547c9daac7282",
    inputs: ["deno-version", "deno-version-file", "deno-binary-name", "cache", "cache-hash"],
    standIn: setUpDeno,
  },
  "actions/upload-artifact": {
    version: "v4.6.2",
    commit: "ea165f8d65b6e75b540449e92b4886f43607fa02",
    inputs: [
      ...["name", "path", "if-no-files-found", "retention-days", "compression-level", "overwrite"],
      "include-hidden-files",
    ],
    standIn: uploadArtifact,
  },
  "actions/download-artifact": {
    version: "v4.3.0",
    commit: "d3f86a106a0bac45b974a628896c90dbdf5c8093",
    inputs: [
      ...["name", "artifact-ids", "path", "pattern", "merge-multiple", "github-token"],
      ...["repository", "run-id"],
    ],
    standIn: downloadArtifacts,
  },
  "actions/attest-build-provenance": {
    version: "v2.4.0",
    commit: "e8998f949152b193b063cb0ec769d69d929409be",
    inputs: [
      ...["subject-path", "subject-digest", "subject-name", "subject-checksums"],
      ...["push-to-registry", "show-summary", "github-token"],
    ],
    standIn: attest,
  },
};

/**
 * Finds the action that a step uses, `OWNER/NAME@COMMIT`.
 *
 * @throws {Error} for one that is not known, is of another release, or has no such input: a stand-in would be skipped silently.
 */
export function findAction(uses: string, inputs: readonly string[]): Action {
  const [name = "", commit] = uses.split("@");
  const action = ACTIONS[name];
  if (action === undefined) throw new Error(`No stand-in for the action ${name}`);
  if (action.commit !== commit) {
    throw new Error(`${name} is pinned to ${commit}, and ${action.version} is ${action.commit}`);
  }
  const unknown = inputs.find((input) => !action.inputs.includes(input));
  if (unknown !== undefined) throw new Error(`${name} ${action.version} has no input ${unknown}`);
  return action;
}

/** A clone, in which nothing is what is not committed. */
async function checkOut(call: ActionCall): Promise<void> {
  const { repository, ref, path = ".", "persist-credentials": persists } = call.inputs;
  assertEquals(persists, "false", "the token would stay in the clone");
  await runGit(
    ...["-c", `core.autocrlf=${call.isWindows}`, "-c", "advice.detachedHead=false"],
    ...["clone", "--quiet", "--branch", ref ?? call.ref],
    ...[call.repository(repository), `${call.workspace}/${path}`],
  );
}

/** Puts the Deno that runs the tests on the PATH, if it is of the version that the file names. */
async function setUpDeno({ inputs, workspace, makeFolder, addPath }: ActionCall): Promise<void> {
  const pinned = await Deno.readTextFile(`${workspace}/${inputs["deno-version-file"]}`);
  assertEquals(pinned.trim(), Deno.version.deno, "the pinned Deno is not the one that runs this");
  const folder = await makeFolder();
  await Deno.symlink(Deno.execPath(), `${folder}/deno`);
  addPath(folder);
}

/** Copies files to an artifact. Like the archive that the action makes, it does not keep that a file is executable. */
async function uploadArtifact(call: ActionCall): Promise<void> {
  const { name = "artifact", path = "", "if-no-files-found": ifNone } = call.inputs;
  assert(!call.artifacts.has(name), `the artifact ${name} is there already`);
  const files = await filesAt(`${call.workspace}/${path}`);
  assert(files.length > 0 || ifNone !== "error", `no files were found with the path ${path}`);
  const folder = await call.makeFolder();
  for (const file of files) {
    await Deno.copyFile(file, `${folder}/${basename(file)}`);
    await Deno.chmod(`${folder}/${basename(file)}`, 0o644);
  }
  call.artifacts.set(name, folder);
}

/** The files of a folder, or those that match a pattern in its last part. Hidden files stay behind. */
async function filesAt(path: string): Promise<string[]> {
  const isFolder = (await Deno.lstat(path).catch(() => undefined))?.isDirectory ?? false;
  const [folder, pattern] = isFolder ? [path, "*"] : [dirname(path), basename(path)];
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    assert(isFile || name.startsWith("."), `${name} is no file: the stand-in takes files alone`);
    if (!name.startsWith(".") && globToRegExp(pattern).test(name)) files.push(`${folder}/${name}`);
  }
  return files;
}

/** Copies artifacts' files; on Windows each of them may be executed. */
async function downloadArtifacts(
  { inputs, workspace, artifacts, isWindows }: ActionCall,
): Promise<void> {
  const { name, pattern = "*", path = "." } = inputs;
  const isWanted = (each: string) =>
    name === undefined ? globToRegExp(pattern).test(each) : each === name;
  const wanted = [...artifacts].filter(([each]) => isWanted(each));
  assert(wanted.length > 0, `no artifact ${name ?? pattern}`);
  const isMerged = name !== undefined || inputs["merge-multiple"] === "true";
  for (const [each, folder] of wanted) {
    const target = `${workspace}/${path}${isMerged ? "" : `/${each}`}`;
    await Deno.mkdir(target, { recursive: true });
    for (const file of await filesAt(folder)) {
      await Deno.copyFile(file, `${target}/${basename(file)}`);
      await Deno.chmod(`${target}/${basename(file)}`, isWindows ? 0o755 : 0o644);
    }
  }
}

/** Verifies the checksums, which the attestation would be about. */
async function attest({ inputs, workspace }: ActionCall): Promise<void> {
  const sums = `${workspace}/${inputs["subject-checksums"]}`;
  await runTool(
    ...["sh", "-c", 'cd "$(dirname "$1")" && sha256sum --check --strict "$1"', "sh", sums] as const,
  );
}
