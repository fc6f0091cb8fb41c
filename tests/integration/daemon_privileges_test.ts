import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DaemonScene, type DaemonSceneOptions, STAY } from "../support/daemon_scene.ts";
import { NO_OTHER_USERS } from "../support/other_user.ts";
import { threadRights } from "../support/process_rights.ts";
import { programForAll } from "../support/program_for_all.ts";
import { runProgram } from "../support/program.ts";
import { isRunning } from "../support/process_state.ts";
import { type Requirement, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NEEDS_USERS: Requirement = {
  reason: NO_OTHER_USERS ?? "",
  met: NO_OTHER_USERS === undefined,
};

/** nobody and its group, in Debian and its kin. */
const NOBODY = 65534;
const NONE = "0000000000000000";

async function arrive(options: DaemonSceneOptions = {}): Promise<DaemonScene> {
  const scene = await DaemonScene.arrive({
    ...options,
    tables: `[process]\nuser = "nobody"\n${options.tables ?? ""}`,
    program: await programForAll(),
  });
  await scene.giveTo(NOBODY);
  return scene;
}

testWith(
  [NEEDS_USERS],
  "a daemon and its software run as the user, without any right of root's in any thread",
  async () => {
    await using scene = await arrive();
    const started = await scene.daemon("start");
    assertEquals([started.code, started.stderr], [0, ""]);
    const [, pid] = /pid (\d+)/.exec(started.stdout)!;
    const [software] = await scene.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const ids = [NOBODY, NOBODY, NOBODY, NOBODY].join("\t");
      assertEquals(await threadRights(process), [{
        ...{ Uid: ids, Gid: ids, Groups: String(NOBODY), NoNewPrivs: "1" },
        ...{ CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapBnd: NONE, CapAmb: NONE },
      }]);
    }
    const stopped = await scene.daemon("stop");
    assertEquals([stopped.code, stopped.stderr], [0, ""]);
    assertStringIncludes(await scene.log(), "Received signal SIGTERM");
    await scene.requireNothingLeft();
  },
);

testWith(
  [NEEDS_USERS],
  "a daemon has the groups that have its user as a member, and the group that is set",
  async () => {
    await using scene = await arrive({ tables: 'group = "daemon"' });
    assertEquals((await scene.daemon("start")).stderr, "");
    const [software] = await scene.softwarePids(1);
    const [{ Gid, Groups } = {}] = await threadRights(software!);
    assertEquals([Gid, Groups], ["1\t1\t1\t1", "1"]);
  },
);

testWith(
  [NEEDS_USERS],
  "a capability that is allowed is left to daemon and software, and no other",
  async () => {
    await using scene = await arrive({
      tables: '[security]\nallowed_capabilities = ["CAP_NET_BIND_SERVICE"]',
    });
    const { stdout, stderr } = await scene.daemon("start");
    assertEquals(stderr, "");
    const [, pid] = /pid (\d+)/.exec(stdout)!;
    const [software] = await scene.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const [{ CapInh, CapPrm, CapEff, CapBnd, CapAmb } = {}, ...others] = await threadRights(
        process,
      );
      assertEquals(others, []);
      assertEquals(
        [CapInh, CapPrm, CapEff, CapBnd, CapAmb].map((set) => parseInt(set!, 16)),
        [1024, 1024, 1024, 1024, 1024],
      );
    }
  },
);

testWith(
  [NEEDS_USERS],
  "home, user and login name are the user's, root's session folder is not passed on",
  async () => {
    await using scene = await arrive({
      script: 'env > "$0.tmp"; mv "$0.tmp" "$0.env"; exec sleep 1000 >/dev/null 2>&1',
      tables: `pid_file = "p.pid"\n[ipc]\npath = "s.sock"`,
    });
    await Deno.chown(scene.at("runtime"), 0, 0);
    assertEquals((await scene.daemon("start")).stderr, "");
    const [variables] = await scene.written("software.env", /^[^]+$/);
    const names = /^(?:HOME|USER|LOGNAME|XDG_RUNTIME_DIR|MARK)=.*$/gm;
    assertEquals(variables.match(names)?.sort(), [
      ...["HOME=/nonexistent", "LOGNAME=nobody", "USER=nobody"],
    ]);
  },
);

testWith(
  [NEEDS_USERS],
  "limits that root may raise are raised before root is given up",
  async () => {
    await using scene = await arrive({
      script: '{ ulimit -Hn; umask; } > "$0.tmp"; mv "$0.tmp" "$0.seen"; exec sleep 1000',
      tables: "[limits]\nopen_files = 300\n[security]\numask = 31",
    });
    const { stderr } = await scene.daemon("start");
    assertEquals(stderr, "");
    const [seen] = await scene.written("software.seen", /^[^]+$/);
    assertEquals(seen, "300\n0037\n");
  },
);

testWith(
  [NEEDS_USERS],
  "PID file, log and state are made for the user where only root can make them",
  async () => {
    await using scene = await arrive({
      tables: 'pid_file = "run/p.pid"\n',
    });
    const folder = scene.customer.folder.path;
    await Deno.chown(folder, 0, 0);
    await Deno.chmod(folder, 0o711);
    await Deno.remove(scene.at("state"), { recursive: true }).catch(() => {});
    assertEquals((await scene.daemon("start")).stderr, "");
    for (const name of ["run", "run/p.pid", "d.log", "state", "state/keystore.bin"]) {
      assertEquals((await Deno.stat(scene.at(name))).uid, NOBODY, name);
    }
    assertEquals((await scene.daemon("stop")).stderr, "");
    assertEquals([...Deno.readDirSync(scene.at("run"))], []);
  },
);

testWith(
  [NEEDS_USERS],
  "a PID file in a folder of root's is the user's, and is emptied at the end",
  async () => {
    await using place = await temporaryFolder();
    await Deno.chmod(place.path, 0o755);
    const path = place.at("p.pid");
    await using scene = await arrive({ tables: `pid_file = "${path}"` });
    for (let start = 0; start < 2; start++) {
      const { stdout } = await scene.daemon("start", "--json");
      assertEquals(await Deno.readTextFile(path), `${JSON.parse(stdout).pid}\n`);
      assertEquals((await scene.daemon("stop")).stderr, "");
      assertEquals((await Deno.stat(path)).size, 0);
    }
  },
);

testWith([NEEDS_USERS], "a daemon starts in a folder that only root can enter", async () => {
  await using place = await temporaryFolder();
  await using scene = await arrive();
  const { code, stderr } = await runProgram(scene.arguments(["start"]), {
    ...scene.surroundings,
    cwd: place.path,
  });
  assertEquals([code, stderr], [0, ""]);
  await scene.softwarePids(1);
});

/** What `[process] user` and its like may say wrong: the tables, the exit status and what is said. */
const WRONG: Readonly<Record<string, readonly [string, number, string]>> = {
  "a user that there is none of": ['user = "nosuchuser"', 2, "unknown user: nosuchuser"],
  "a group that there is none of": [
    'user = "nobody"\ngroup = "nosuchgroup"',
    2,
    "unknown group: nosuchgroup",
  ],
  "a group without a user": [
    'group = "daemon"',
    2,
    "process.group is for process.user: it is not set",
  ],
  "root": ['user = "root"', 2, "user root is root: leave process.user out to run as root"],
  "a capability that is root": [
    'user = "nobody"\n[security]\nallowed_capabilities = ["CAP_SETUID"]',
    2,
    "CAP_SETUID cannot be allowed: its holder can be root again",
  ],
  "a capability that there is none of": [
    'user = "nobody"\n[security]\nallowed_capabilities = ["CAP_FLY"]',
    2,
    "unknown capability: CAP_FLY",
  ],
  "another root folder without a user": [
    '[security]\nchroot_directory = "."',
    2,
    "security.chroot_directory is for process.user, as root can leave it: it is not set",
  ],
};

for (const [what, [tables, status, message]] of Object.entries(WRONG)) {
  testWith([NEEDS_USERS], `a daemon that is told ${what} does not start`, async () => {
    await using scene = await DaemonScene.arrive({ tables: `[process]\n${tables}` });
    const { code, stderr } = await scene.daemon("start");
    const line = `sentinel: error: start-up failed (privileges): ${message}\n`;
    assertEquals([code, stderr], [status, line]);
    assertEquals([...Deno.readDirSync(scene.at("runtime"))], []);
  });
}

/** Not root, as `setpriv` makes it. */
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534"];

testWith([NEEDS_USERS], "who is not root cannot become another user", async () => {
  await using scene = await arrive();
  await scene.configure({ tables: '[process]\nuser = "daemon"' });
  const { code, stderr } = await runProgram(scene.arguments(["start"]), {
    ...scene.surroundings,
    wrapper: [...AS_NOBODY, "--clear-groups"],
  });
  const message = "no right to become user daemon: start as root";
  assertEquals([code, stderr], [
    86,
    `sentinel: error: start-up failed (privileges): ${message}\n`,
  ]);
});

testWith(
  [NEEDS_USERS],
  "the user himself does not start a daemon with more rights than it is to have",
  async () => {
    await using scene = await arrive();
    const { code, stderr } = await runProgram(scene.arguments(["start"]), {
      ...scene.surroundings,
      wrapper: [...AS_NOBODY, "--groups=65534", "--bounding-set=-all"],
    });
    assertEquals(code, 86);
    assertMatch(stderr, /privileges are not as configured: thread \d+: no_new_privs is not set/);
  },
);

testWith(
  [NEEDS_USERS],
  "a daemon that was started with the right rights has none to give up",
  async () => {
    await using scene = await arrive();
    await using daemon = scene.start({
      wrapper: [...AS_NOBODY, "--groups=65534", "--bounding-set=-all", "--no-new-privs"],
    });
    await scene.logged(/starting -> running/);
    daemon.kill("SIGTERM");
    assertEquals((await daemon.end()).code, 0);
  },
);

testWith([NEEDS_USERS], "a second daemon of the user is refused with 85", async () => {
  await using scene = await arrive();
  assertEquals((await scene.daemon("start")).code, 0);
  const { code, stderr } = await scene.daemon("start");
  assertEquals(code, 85);
  assertMatch(stderr, /\(process\): another sentinel is running \(pid \d+\)\n$/);
});

testWith([NEEDS_USERS], "of six daemons that root starts at once exactly one runs", async () => {
  await using scene = await arrive();
  const results = await Promise.all(Array.from({ length: 6 }, () => scene.daemon("start")));
  assertEquals(results.map(({ code }) => code).sort(), [0, 85, 85, 85, 85, 85]);
});

testWith(
  [NEEDS_USERS],
  "a user's PID file does not make root signal a process of somebody else",
  async () => {
    await using scene = await arrive();
    await using victim = new Deno.Command("sleep", { args: ["1000"] }).spawn();
    const path = scene.at("runtime/sentinel/software.pid");
    await Deno.mkdir(scene.at("runtime/sentinel"));
    await Deno.writeTextFile(path, `${victim.pid}\n`);
    await Deno.chown(path, NOBODY, NOBODY);
    using held = await Deno.open(path, { read: true, write: true });
    await held.lock(true);
    const { code, stderr } = await scene.daemon("stop");
    const process = `${path} belongs to user ${NOBODY}, process ${victim.pid} does not`;
    assertEquals([code, stderr], [
      86,
      `sentinel: error: sentinel daemon is not signaled: ${process}\n`,
    ]);
    assertEquals(await isRunning(victim.pid), true);
    await held.unlock();
  },
);

testWith(
  [NEEDS_USERS],
  "a folder that lacks what a program needs cannot be its root, and nothing is made",
  async () => {
    await using scene = await DaemonScene.arrive({ program: await programForAll() });
    await Deno.mkdir(scene.at("jail"), { mode: 0o755 });
    await scene.configure({
      tables: '[process]\nuser = "nobody"\n[security]\nchroot_directory = "jail"',
    });
    const { code, stderr } = await scene.daemon("start");
    assertEquals(code, 2);
    const jail = scene.at("jail");
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
  reason: "cannot mount",
  met: NO_OTHER_USERS === undefined && await canMount(),
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
  [NEEDS_USERS, NEEDS_MOUNTS],
  "a daemon and its software have the configured folder as their root, and cannot leave it",
  async () => {
    await using place = await temporaryFolder();
    await Deno.chmod(place.path, 0o711);
    const jail = place.at("jail");
    await Deno.mkdir(jail, { mode: 0o755 });
    await using scene = await arrive({
      script: `ls -m / > "$0.tmp"; mv "$0.tmp" "$0.seen"; ${STAY}`,
      tables: `pid_file = "p.pid"\n[security]\nchroot_directory = "${jail}"\n` +
        '[ipc]\npath = "runtime/s.sock"',
    });
    const { code, stdout, stderr } = await runProgram(scene.arguments(["start"]), {
      ...scene.surroundings,
      wrapper: ["unshare", "--mount", "sh", "-c", FURNISH, "sh", jail],
    });
    assertEquals([code, stderr], [0, ""]);
    const [, pid] = /pid (\d+)/.exec(stdout)!;
    const [software] = await scene.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const [{ CapEff, CapBnd, NoNewPrivs } = {}, ...others] = await threadRights(process);
      assertEquals([CapEff, CapBnd, NoNewPrivs, others], [NONE, NONE, "1", []]);
      assertEquals(await rootOf(process), jail);
    }
    const [seen] = await scene.written("software.seen", /^[^]+$/);
    const inside = seen.trim().split(", ");
    assertEquals(["tmp", "root", "home"].map((name) => inside.includes(name)), [
      true,
      false,
      false,
    ]);
    assertEquals((await scene.daemon("stop")).stderr, "");
    assertEquals(await isRunning(software!), false);
  },
);

/** Asks `readlink`, as the runtime hides `/proc`. */
async function rootOf(pid: number): Promise<string> {
  const { stdout } = await new Deno.Command("readlink", { args: [`/proc/${pid}/root`] }).output();
  return new TextDecoder().decode(stdout).trim();
}
