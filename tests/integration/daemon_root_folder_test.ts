// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { NO_CAPABILITIES, openUnprivilegedDaemon } from "../support/daemon_of_nobody.ts";
import { DaemonHarness, STAY } from "../support/daemon_harness.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { threadRights } from "../support/process_rights.ts";
import { isRunning } from "../support/process_state.ts";
import { programForAll } from "../support/program_for_all.ts";
import { runProgram } from "../support/program.ts";
import { type Requirement, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

testWith(
  [OTHER_USERS],
  "a folder without the files that a program needs cannot be its root, and nothing is created",
  async () => {
    await using harness = await DaemonHarness.open({ program: await programForAll() });
    await Deno.mkdir(harness.at("jail"), { mode: 0o755 });
    await harness.configure({
      tables: '[process]\nuser = "nobody"\n[security]\nchroot_directory = "jail"',
    });
    const { code, stderr } = await harness.daemon("start");
    assertEquals(code, 2);
    const jail = harness.at("jail");
    assertStringIncludes(
      stderr,
      `start-up failed (privileges): chroot directory cannot be used: ${jail} (it lacks `,
    );
    for (
      const file of [
        /\/(?:deno|sentinel)\b/,
        /\/etc\/passwd\b/,
        /\/proc\/self\/status\b/,
        /\/libc\.so\.6\b/,
      ]
    ) {
      assertMatch(stderr, file);
    }
    assertEquals([...Deno.readDirSync(jail)], []);
  },
);

/** Whether folders can be mounted where no other process sees it. */
const NEEDS_MOUNTS: Requirement = {
  need: "the right to mount",
  met: OTHER_USERS.met && await canMount(),
};

async function canMount(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** The system's programs and libraries, `/tmp` (the tests' folders), `/proc` and `/dev/null`, for `$1` as the root. */
const FURNISH = `
set -e
cd "$1"; shift
for name in bin lib lib32 lib64 libx32 sbin; do
  if [ -h /$name ]; then cp -P /$name $name; elif [ -d /$name ]; then mkdir -p $name; mount --bind /$name $name; fi
done
mkdir -p usr tmp proc dev etc
mount --bind /usr usr
mount --bind /tmp tmp
mount -t proc proc proc
touch dev/null
mount --bind /dev/null dev/null
cp /etc/passwd /etc/group etc
cd /
exec "$@"
`;

testWith(
  [OTHER_USERS, NEEDS_MOUNTS],
  "a daemon and its software have the configured folder as their root, and cannot leave it",
  async () => {
    await using place = await temporaryFolder();
    await Deno.chmod(place.path, 0o711);
    const jail = place.at("jail");
    await Deno.mkdir(jail, { mode: 0o755 });
    await using harness = await openUnprivilegedDaemon({
      script: `ls -m / > "$0.tmp"; mv "$0.tmp" "$0.seen"; ${STAY}`,
      tables: `pid_file = "p.pid"\n[security]\nchroot_directory = "${jail}"\n` +
        '[ipc]\npath = "runtime/s.sock"',
    });
    const { code, stdout, stderr } = await runProgram(harness.arguments(["start"]), {
      ...harness.programOptions,
      wrapper: ["unshare", "--mount", "sh", "-c", FURNISH, "sh", jail],
    });
    assertEquals([code, stderr], [0, ""]);
    const [, pid] = /pid (\d+)/.exec(stdout)!;
    const [software] = await harness.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const [{ CapEff, CapBnd, NoNewPrivs } = {}, ...others] = await threadRights(process);
      assertEquals([CapEff, CapBnd, NoNewPrivs, others], [
        NO_CAPABILITIES,
        NO_CAPABILITIES,
        "1",
        [],
      ]);
      assertEquals(await identify(`/proc/${process}/root`), await identify(jail));
    }
    const [seen] = await harness.written("software.seen", /^[^]+$/);
    const inside = seen.trim().split(", ");
    assertEquals(["tmp", "root", "home"].map((name) => inside.includes(name)), [
      true,
      false,
      false,
    ]);
    assertEquals((await harness.daemon("stop")).stderr, "");
    assertEquals(await isRunning(software!), false);
  },
);

/**
 * Device and inode of a folder: from a namespace of mounts to another, the same folder may have another path. Asks `stat`, as
 * the runtime hides `/proc`.
 */
function identify(path: string): Promise<string> {
  return runTool("stat", "--dereference", "--format=%d:%i", path);
}
