import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { lstatIfExistsSync } from "../../src/core/files.ts";
import { StartUpError } from "../../src/daemon/detach.ts";
import type { Platform } from "../../src/platform/contract.ts";
import type { PrivilegeControl, ProgramImage } from "../../src/platform/process_contract.ts";
import { type DropDependencies, dropPrivileges } from "../../src/daemon/drop_privileges.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

interface Fixture {
  readonly control?: Partial<PrivilegeControl> | undefined;
  readonly tables?: string;
  readonly deps?: Partial<DropDependencies>;
  /** The PID file's path. */
  readonly folder?: TemporaryFolder;
}

const READY: PrivilegeControl = {
  isRoot: () => true,
  check() {},
  become() {},
  listDifferences: () => [],
  userOf: () => undefined,
};

const USER_ID = Number(`${Deno.uid()}9`);

/** Everything but the user's name is fake, so that no privileges are dropped. */
async function drop({ control = {}, tables = "", deps = {}, ...given }: Fixture): Promise<void> {
  await using own = await temporaryFolder();
  const folder = given.folder ?? own;
  const { config } = parseConfig(`[process]\nuser = "app"\n${tables}`, folder.at("sentinel.toml"));
  const files: Readonly<Record<string, string>> = {
    "/etc/passwd": `app:x:${USER_ID}:${Deno.gid()}9::/srv/app:\n`,
    "/etc/group": "",
  };
  await dropPrivileges({ config, pidFile: folder.at("app.pid") }, {
    platform: { privileges: () => Promise.resolve({ ...READY, ...control }) } as Platform,
    pid: Deno.pid,
    readText: (path) => Promise.resolve(files[path]!),
    ownerOf: (folder) => Promise.resolve(folder === "/srv/app" ? USER_ID : undefined),
    command: () => ({ path: "/bin/sentinel", args: ["daemon", "start"] }),
    variables: { PATH: "/bin", XDG_RUNTIME_DIR: "/run/user/0" },
    ...deps,
  });
}

testWith([POSIX], "dropPrivileges() does nothing the second time", async () => {
  const become = () => {
    throw new Error("it was all given up");
  };
  await drop({ control: { isRoot: () => false, become } });
});

testWith(
  [POSIX],
  "dropPrivileges() executes the same program with the user's environment",
  async () => {
    const images: ProgramImage[] = [];
    await drop({ control: { become: (_rights, image) => void images.push(image) } });
    assertEquals(images, [{
      ...{ path: "/bin/sentinel", args: ["daemon", "start"] },
      env: { PATH: "/bin", HOME: "/srv/app", USER: "app", LOGNAME: "app" },
    }]);
  },
);

/** The user's environment from root's variables. */
async function passedOn(
  variables: Record<string, string>,
  userFolders: readonly string[],
): Promise<unknown> {
  const images: ProgramImage[] = [];
  await drop({
    control: { become: (_rights, image) => void images.push(image) },
    deps: {
      ownerOf: (folder) => Promise.resolve(userFolders.includes(folder) ? USER_ID : undefined),
      variables,
    },
  });
  return images[0]?.env;
}

testWith([POSIX], "dropPrivileges(): root's folders are not passed on", async () => {
  const variables = { XDG_RUNTIME_DIR: "/run/user/0", XDG_STATE_HOME: "/root/.local/state" };
  assertEquals(await passedOn(variables, ["/srv/app"]), {
    ...{ HOME: "/srv/app", USER: "app", LOGNAME: "app" },
  });
});

testWith([POSIX], "dropPrivileges(): the user's folders are passed on", async () => {
  await using state = await temporaryFolder();
  const variables = { XDG_RUNTIME_DIR: "/run/user/9", XDG_STATE_HOME: state.path };
  assertEquals(await passedOn(variables, Object.values(variables)), {
    ...{ ...variables, HOME: "/srv/app", USER: "app", LOGNAME: "app" },
  });
});

testWith(
  [NEEDS_ROOT],
  "dropPrivileges() creates a folder for the outer replica if the user has no home of its own",
  async () => {
    const folder = `/var/lib/sentinel-${USER_ID}`;
    const become = (_rights: unknown, { env }: ProgramImage) => {
      assertEquals(env["XDG_STATE_HOME"], folder);
      const { uid, mode } = Deno.lstatSync(folder);
      assertEquals([uid, mode! & 0o777], [USER_ID, 0o700]);
      throw new Error("execve: all that was made is removed");
    };
    await assertRejects(
      () => drop({ control: { become }, deps: { ownerOf: () => Promise.resolve(0) } }),
      StartUpError,
      "execve: ",
    );
    assertEquals(lstatIfExistsSync(folder), undefined);
  },
);

/** `isRoot`: the fake process's answer; it is still root if the program was not executed. */
for (const isRoot of [true, false]) {
  testWith(
    [POSIX],
    `dropPrivileges() does not go on with rights that are not the user's, ${
      isRoot ? "" : "not "
    }as root`,
    async () => {
      const control = { isRoot: () => isRoot, listDifferences: () => ["user ids are 1 1 1 1"] };
      await assertRejects(
        () => drop({ control }),
        StartUpError,
        "start-up failed (privileges): not permitted to become user app: start as root",
      );
    },
  );
}

testWith(
  [NEEDS_ROOT],
  "dropPrivileges() removes what it created if the program cannot be executed",
  async () => {
    await using folder = await temporaryFolder();
    let made: string[] = [];
    const names = () => Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
    const become = () => {
      made = names();
      throw new Error("execve: Exec format error");
    };
    await assertRejects(() => drop({ folder, control: { become } }), StartUpError, "execve: ");
    assertEquals([made, names()], [["app.pid"], []]);
  },
);

testWith(
  [POSIX],
  "dropPrivileges() refuses a root folder that other users can change",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.chmod(folder.path, 0o777);
    const tables = `[security]\nchroot_directory = "${folder.path}"`;
    await assertRejects(
      () => drop({ tables, control: { become: () => assert(false, "it was entered") } }),
      StartUpError,
      `chroot directory cannot be used: ${folder.path} (users other than root can change it)`,
    );
  },
);

testWith([POSIX], "dropPrivileges() fails on a system without support for it", async () => {
  const platform = { privileges: () => Promise.resolve(undefined) } as unknown as Platform;
  await assertRejects(
    () => drop({ deps: { platform } }),
    StartUpError,
    "start-up failed (privileges): process.user is not supported on this system",
  );
});

testWith(
  [POSIX],
  "dropPrivileges() drops nothing if its own command is unknown",
  async () => {
    await assertRejects(
      () => drop({ deps: { command: () => undefined } }),
      StartUpError,
      "cannot find the command that started sentinel",
    );
  },
);
