import { LineReader, type ProgramResult, resultOf } from "./program.ts";
import { allOf, hasProgram, NEEDS_ROOT, needsProgram, type Requirement } from "./requirements.ts";
import { runTool } from "./run_tool.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

const SYSTEMD = "/lib/systemd/systemd", SYSTEM_UNITS = "/lib/systemd/system";
/** What `unshare` and `nsenter` are asked for; the network stays the system's, where the license server is. */
const NAMESPACES = ["--pid", "--mount", "--uts", "--ipc", "--cgroup"];

/** For services that run under systemd itself, in namespaces of its own. */
export const BOOTED_SYSTEMD: Requirement = allOf(
  NEEDS_ROOT,
  ...(["unshare", "nsenter", "findmnt", "systemctl"] as const).map(needsProgram),
  { need: "a cgroup2 file system", met: hasProgram("findmnt") && cgroupFolder() !== "" },
);

/** What is in them stays outside. */
const EMPTY_FOLDERS = ["/tmp", "/var/lib", "/var/tmp", "/etc/systemd/system"];

/** Targets that services name; none brings anything along. None of the system's own units is there. */
const TARGETS = ["sysinit", "basic", "network-online", "shutdown", "multi-user"];

/** What keeps the journal; the system's own. */
const JOURNAL_UNITS = ["systemd-journald.service", "systemd-journald.socket"];

/** Becomes what is behind its first word, in that cgroup, which ends with standard input: if we are killed, too. */
const ENTER = `
  echo $$ > "$1/cgroup.procs"; shift
  exec 3<&0
  (cat <&3; kill -KILL $$) &
  exec "$@" 3<&- </dev/null
`;

/** Says that systemd is up, in a pipe of the folder that units are in. */
const BOOTED_UNIT = `[Service]\nType=oneshot\nExecStart=/bin/sh -c ': > /run/units/booted'\n`;

/** A folder that is to be seen at another path. */
export interface Bind {
  readonly from: string;
  /** Below `/opt`. */
  readonly to: string;
}

/** A systemd of the test's own; it is ended, with all that it runs, when it is disposed of. */
export class BootedSystemd implements AsyncDisposable {
  /** As it is outside. */
  readonly #pid: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(pid: number, stack: AsyncDisposableStack) {
    this.#pid = pid;
    this.#stack = stack;
  }

  /** Boots; the file system is as it is outside, save `/run`, `/opt` and what is empty. */
  static async boot(binds: readonly Bind[]): Promise<BootedSystemd> {
    await using stack = new AsyncDisposableStack();
    const units = stack.use(await temporaryFolder());
    await writeUnits(units);
    const cgroup = `${cgroupFolder()}/sentinel-test-${crypto.randomUUID()}`;
    await runTool("mkdir", cgroup);
    stack.defer(() => removeCgroup(cgroup));
    const child = new Deno.Command("sh", {
      args: ["-ec", ENTER, "sh", cgroup].concat(
        ...["unshare", ...NAMESPACES, "--fork", "--kill-child", "--propagation", "private"],
        ...["sh", "-ec", bootScript(units.path, binds)],
      ),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const said = new LineReader(child.stdout);
    stack.defer(async () => {
      await child.stdin.close();
      await Promise.all([child.status, said.ended]);
    });
    const [, pid] = await said.match(/^(\d+)\n/);
    await Promise.race([
      runTool("cat", units.at("booted")),
      child.status.then(({ code }) => Promise.reject(new Error(`systemd ended with ${code}`))),
    ]);
    return new BootedSystemd(Number(pid), stack.move());
  }

  /** Runs a command inside, as root, to its end. */
  async run(...command: readonly string[]): Promise<ProgramResult> {
    const enter = ["--target", String(this.#pid), ...NAMESPACES, "--", "env", "-i"];
    const env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR=1", "DENO_DIR=/run/cache"];
    return await resultOf("nsenter", { args: [...enter, ...env, ...command] });
  }

  /** What systemd knows of a unit: its properties, in their order (systemctl(1), `show`). */
  async show(unit: string, ...properties: readonly string[]): Promise<string[]> {
    const values = await Promise.all(
      properties.map((name) => this.run("systemctl", "show", "--value", "--property", name, unit)),
    );
    return values.map(({ stdout }) => stdout.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function writeUnits(folder: TemporaryFolder): Promise<void> {
  const target = "[Unit]\nDefaultDependencies=no\n";
  for (const name of TARGETS) await Deno.writeTextFile(folder.at(`${name}.target`), target);
  await Deno.writeTextFile(
    folder.at("boot.target"),
    `${target}Wants=booted.service multi-user.target systemd-journald.socket\n`,
  );
  await Deno.writeTextFile(folder.at("booted.service"), BOOTED_UNIT);
  for (const name of JOURNAL_UNITS) await Deno.copyFile(`${SYSTEM_UNITS}/${name}`, folder.at(name));
  await runTool("mkfifo", folder.at("booted"));
}

/** Tells its pid as it is outside, makes the file system, and becomes systemd. */
function bootScript(units: string, binds: readonly Bind[]): string {
  return [
    // the parent of `cut`, in the namespace that this /proc is of
    `cut -d " " -f 4 /proc/self/stat`,
    "mount -t proc proc /proc",
    "mount -t tmpfs tmpfs /run",
    "mount -t tmpfs tmpfs /opt",
    ...binds.flatMap(({ from, to }) => [`mkdir "${to}"`, `mount --bind "${from}" "${to}"`]),
    `mkdir /run/units /run/systemd; mount --bind "${units}" /run/units`,
    ...EMPTY_FOLDERS.map((path) => `mount -t tmpfs tmpfs ${path}`),
    "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
    "exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin " +
    `SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units ${SYSTEMD} --system --unit=boot.target ` +
    "--show-status=no",
  ].join("\n");
}

/** The processes in it have been killed; they are gone soon. */
async function removeCgroup(path: string): Promise<void> {
  for (;;) {
    try {
      await runTool("find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+");
      return;
    } catch (error) {
      if (!String(error).includes("busy")) throw error;
    }
  }
}

/** Where a cgroup2 file system is mounted (cgroups(7)); empty where none is. */
function cgroupFolder(): string {
  const { stdout } = new Deno.Command("findmnt", {
    args: ["--noheadings", "--first-only", "--output", "TARGET", "--types", "cgroup2"],
  }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
