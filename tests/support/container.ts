import { type DockerRun, type ImageFile, parseDockerRun } from "./container_page.ts";
import { programLine, type ProgramResult, RunningProgram } from "./program.ts";
import { programForAll } from "./program_for_all.ts";
import { allOf, LINUX, NEEDS_ROOT, needsProgram, type Requirement } from "./requirements.ts";
import { runTool } from "./run_tool.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** For containers that a test makes itself. */
export const CONTAINERS: Requirement = allOf(
  ...[LINUX, NEEDS_ROOT],
  ...(["unshare", "nsenter", "mount", "setpriv"] as const).map(needsProgram),
);

/**
 * Makes the root of a container: the system's programs, `/proc` and a few devices, but no `/etc`, so no machine id. Then
 * becomes the command, as PID 1. The arguments: root, options of the root, a triple for each mount, user, command.
 */
const ENTER = `
  root=$1 options=$2; shift 2
  mount -t tmpfs tmpfs "$root"
  for folder in usr lib lib64 bin proc dev tmp; do mkdir -p "$root/$folder"; done
  for folder in usr lib lib64 bin; do [ ! -d /$folder ] || mount --bind /$folder "$root/$folder"; done
  mount -t proc proc "$root/proc"
  for device in null zero urandom; do : > "$root/dev/$device"; mount --bind /dev/$device "$root/dev/$device"; done
  while [ "$1" != -- ]; do
    mkdir -p "$root$(dirname "$2")"
    if [ "$1" = tmpfs ] || [ -d "$1" ]; then mkdir -p "$root$2"; else : > "$root$2"; fi
    if [ "$1" = tmpfs ]; then mount -t tmpfs -o "$3" tmpfs "$root$2"; else mount --bind "$1" "$root$2"; fi
    [ "$3" != ro ] || mount -o remount,bind,ro "$root$2"
    shift 3
  done
  mount -o "remount,$options" "$root"
  user=$2; shift 2
  exec chroot "$root" setpriv --pdeathsig KILL --reuid="$user" --regid="$user" --clear-groups /usr/bin/env -i "$@"
`;

/** What containers of one image and volume have in common. */
export interface ContainerImage extends ImageFile {
  /** The files behind the names of volumes, and what else is in the image, by path. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, string>;
  /** Variables of the caller of `docker`. */
  readonly env: ReadonlyMap<string, string>;
}

/** A container whose network is the system's. Its first process is Sentinel. */
export class Container implements AsyncDisposable {
  private constructor(
    readonly program: RunningProgram,
    readonly image: ContainerImage,
    readonly variables: readonly string[],
    readonly root: AsyncDisposable,
  ) {}

  static async start(line: string, image: ContainerImage): Promise<Container> {
    const run = parseDockerRun(line);
    await using stack = new AsyncDisposableStack();
    const root = stack.use(await temporaryFolder());
    const folder = await programFolder();
    const mounts = [
      ...[folder, "/opt/sentinel", "ro"],
      ...[...image.files].flatMap(([path, file]) => [file, path, "ro"]),
      ...run.volumes.flatMap(([name, ...rest]) => [image.volumes.get(name)!, ...rest]),
      ...run.tmpfs.flatMap((mount) => ["tmpfs", ...mount]),
    ];
    const variables = listVariables(run, image);
    const command = run.entrypoint === undefined
      ? [...image.entrypoint, ...run.args]
      : [run.entrypoint, ...run.args];
    const program = startCommand("unshare", [
      ...["--mount", "--pid", "--uts", "--ipc", "--fork", "sh", "-ec", ENTER, "sh"],
      ...[root.path, run.isReadOnly ? "ro" : "rw", ...mounts, "--", String(image.user)],
      ...[...variables, ...await toLineInside(command)],
    ]);
    stack.move();
    return new Container(program, image, variables, root);
  }

  /** Runs a container to its end. */
  static async run(line: string, image: ContainerImage): Promise<ProgramResult> {
    await using container = await Container.start(line, image);
    return await container.program.end();
  }

  /** The first process, as it is seen from outside. */
  async firstProcess(): Promise<number> {
    const { pid } = this.program;
    // the runtime lets only a program with all permissions read /proc
    return Number(await runTool("cat", `/proc/${pid}/task/${pid}/children`));
  }

  /** Runs a further process in it, as its user, in its environment. */
  async exec(command: readonly string[]): Promise<ProgramResult> {
    const { user } = this.image;
    await using program = startCommand("nsenter", [
      ...["--target", String(await this.firstProcess()), "--mount", "--pid", "--root"],
      ...["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"],
      ...["/usr/bin/env", "-i", "--chdir=/", ...this.variables, ...await toLineInside(command)],
    ]);
    return await program.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // unshare ignores SIGTERM; the first process ends with it, and so do all others
      this.program.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await this.program[Symbol.asyncDispose]();
    await this.root[Symbol.asyncDispose]();
  }
}

function listVariables({ env }: DockerRun, { env: callers }: ContainerImage): string[] {
  const given = [...env].map(([name, value]) => `${name}=${value ?? callers.get(name)}`);
  return ["HOME=/", "PATH=/usr/bin:/bin", "NO_COLOR=1", "DENO_DIR=/tmp/cache", ...given];
}

function startCommand(command: string, args: readonly string[]): RunningProgram {
  const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return new RunningProgram(new Deno.Command(command, { args: [...args], ...streams }).spawn());
}

async function programFolder(): Promise<string> {
  const { deno } = await programForAll();
  return deno.slice(0, deno.lastIndexOf("/"));
}

/** The line that runs `sentinel …` inside. */
async function toLineInside([program, ...args]: readonly string[]): Promise<string[]> {
  if (program !== "sentinel") throw new Error(`Cannot run ${program}`);
  const { deno, entry } = await programForAll();
  const folder = await programFolder();
  const moved = (path: string) => path.replace(folder, "/opt/sentinel");
  return programLine(args, {
    copy: { deno: moved(deno), ...(entry !== undefined && { entry: moved(entry) }) },
  });
}
