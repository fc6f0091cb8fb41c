import { parseCommandFile } from "./command_files.ts";

/** Longer than any step here takes, on a busy machine. */
const LIMIT_MS = 240_000;

/** A step's script and what is around it. */
export interface Script {
  readonly text: string;
  /** `undefined` is the machine's own. */
  readonly shell: string | undefined;
  readonly cwd: string;
  /** Folders that come before the machine's on the PATH. */
  readonly path: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For the script and the files that it writes for the runner. */
  readonly folder: string;
}

/** What a script left. */
export interface ScriptResult {
  readonly code: number;
  /** On both streams. */
  readonly printed: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** For the steps behind it. */
  readonly env: Readonly<Record<string, string>>;
  /** Folders for the PATH of the steps behind it, the last one first. */
  readonly path: readonly string[];
}

/**
 * How the runner calls shells (https://docs.github.com/actions/reference/workflow-syntax-for-github-actions,
 * `jobs.<job_id>.steps[*].shell`): without a name, a failure within a pipe goes unseen.
 */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  unnamed: ["-e"],
  bash: ["--noprofile", "--norc", "-eo", "pipefail"],
};

const FILES = ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"] as const;

/** Runs a script to its end. @throws {Error} if it takes too long, with what it printed. */
export async function runScript(script: Script): Promise<ScriptResult> {
  const options = OPTIONS[script.shell ?? "unnamed"];
  if (options === undefined) throw new Error(`The shell ${script.shell} is not here`);
  const folder = await Deno.makeTempDir({ dir: script.folder, prefix: "step-" });
  const files = Object.fromEntries(FILES.map((name) => [name, `${folder}/${name}`]));
  for (const file of Object.values(files)) await Deno.writeTextFile(file, "");
  await Deno.writeTextFile(`${folder}/script.sh`, script.text);
  const path = [...script.path, ...machinePath()].join(":");
  const { code, printed } = await runToItsEnd(
    // in one order on one stream, as a log has them
    ["sh", "-c", 'exec "$@" 2>&1', "sh", "bash", ...options, `${folder}/script.sh`],
    { cwd: script.cwd, env: { PATH: path, ...files, ...script.env } },
  );
  const written = (name: (typeof FILES)[number]) => Deno.readTextFileSync(files[name]!);
  return {
    code,
    printed,
    outputs: parseCommandFile(written("GITHUB_OUTPUT")),
    env: parseCommandFile(written("GITHUB_ENV")),
    path: written("GITHUB_PATH").split("\n").filter((line) => line !== "").reverse(),
  };
}

async function runToItsEnd(
  [program, ...args]: readonly string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): Promise<{ code: number; printed: string }> {
  // a group of its own, so that what it starts ends with it if it takes too long
  const child = new Deno.Command(program!, {
    ...{ args, cwd, env, clearEnv: true, detached: true },
    ...{ stdin: "null", stdout: "piped", stderr: "null" },
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    Deno.kill(-child.pid, "SIGKILL");
  }, LIMIT_MS);
  try {
    const text = new Response(child.stdout).text();
    const [printed, { code }] = await Promise.all([text, child.status]);
    if (isLate) throw new Error(`A script did not end within ${LIMIT_MS} ms:\n${printed}`);
    return { code, printed };
  } finally {
    clearTimeout(timer);
  }
}

/** Without the folders in which a Deno is: a machine has none before an action sets it up. */
function machinePath(): string[] {
  return (Deno.env.get("PATH") ?? "").split(":").filter((folder) => {
    try {
      return !Deno.statSync(`${folder}/deno`).isFile;
    } catch {
      return true;
    }
  });
}
