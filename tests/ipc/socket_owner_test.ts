import { assert, assertEquals, assertRejects } from "@std/assert";
import { getExitCode } from "../../src/cli/exit_codes.ts";
import { AlreadyServingError, SocketPathError } from "../../src/ipc/errors.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { startServer } from "../support/ipc_server.ts";
import { programLine } from "../support/program.ts";
import { ask } from "../support/socket_peer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { NEEDS_ROOT, needsProgram, POSIX, testWith } from "../support/requirements.ts";

const SERVE_IPC = { fixture: "serve_ipc.ts" };

async function refusal(path: string): Promise<[code: string, message: string]> {
  const error = await assertRejects(() => claimSocket(path), SocketPathError);
  return [error.code, error.message];
}

function modeOf(path: string): number {
  return Deno.lstatSync(path).mode! & 0o7777;
}

/** The socket file of a killed server. */
function leaveSocket(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: path + "x" });
  Deno.renameSync(path + "x", path);
  listener.close();
}

for (const umask of ["000", "177"]) {
  testWith(
    [POSIX],
    `folder, lock file and socket are closed to others under a umask of ${umask}`,
    async () => {
      await using folder = await temporaryFolder();
      // a umask applies to the whole process, which runs other tests
      const server = programLine([folder.at("new/s.sock")], SERVE_IPC);
      await using child = new Deno.Command("sh", {
        args: ["-c", `umask ${umask}; exec "$@"`, "sh", ...server],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      const names = ["new", "new/s.sock.lock", "new/s.sock"];
      assertEquals(names.map((name) => modeOf(folder.at(name))), [0o700, 0o600, 0o600]);
      await reader.cancel();
      await child.stdin.close();
      await child.status;
    },
  );
}

testWith([POSIX], "claimSocket() leaves nothing behind after it is released, twice", async () => {
  await using folder = await temporaryFolder();
  const claim = await claimSocket(folder.at("new/s.sock"));
  await claim[Symbol.asyncDispose]();
  await claim[Symbol.asyncDispose]();
  assertEquals([...Deno.readDirSync(folder.at("new"))], []);
});

testWith([POSIX], "claimSocket() refuses a folder that is open to others", async () => {
  await using folder = await temporaryFolder();
  await Deno.chmod(folder.path, 0o750);
  const [code, message] = await refusal(folder.at("s.sock"));
  assertEquals(code, "permission.ipc_path");
  assertEquals(
    message,
    `Cannot put a socket into ${folder.path}: it is open to others: current mode is 750`,
  );
});

testWith([POSIX], "claimSocket() refuses a folder that is a symbolic link", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("real"), { mode: 0o700 });
  await Deno.symlink(folder.at("real"), folder.at("link"));
  const [code, message] = await refusal(folder.at("link/s.sock"));
  assertEquals([code, /is a symbolic link$/.test(message)], ["permission.ipc_path", true]);
});

testWith([POSIX], "claimSocket() refuses a file in place of the folder or above it", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "");
  assertEquals(await refusal(folder.at("file/s.sock")), [
    "permission.ipc_path",
    `Cannot put a socket into ${folder.at("file")}: it is not a folder`,
  ]);
  const [code, message] = await refusal(folder.at("file/below/s.sock"));
  assertEquals([code, /Not a directory/.test(message)], ["config.ipc_path", true]);
});

testWith([POSIX], "claimSocket() refuses a folder without a parent", async () => {
  await using folder = await temporaryFolder();
  assertEquals((await refusal(folder.at("a/b/s.sock")))[0], "config.ipc_path");
});

testWith([NEEDS_ROOT], "claimSocket() refuses a folder of another user's", async () => {
  await using folder = await temporaryFolder();
  await Deno.chown(folder.path, 1001, 1001);
  const [code, message] = await refusal(folder.at("s.sock"));
  assertEquals([code, /belongs to user 1001$/.test(message)], ["permission.ipc_path", true]);
});

testWith(
  [POSIX],
  "claimSocket() accepts a shared folder only with the sticky bit",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.chmod(folder.path, 0o1777);
    await (await claimSocket(folder.at("s.sock")))[Symbol.asyncDispose]();
    await Deno.chmod(folder.path, 0o777);
    assertEquals((await refusal(folder.at("s.sock")))[0], "permission.ipc_path");
  },
);

testWith(
  [NEEDS_ROOT, needsProgram("mount")],
  "claimSocket() refuses a folder in which a lock can be created, but no socket",
  async () => {
    await using folder = await temporaryFolder();
    // the folder itself and the lock
    await using _disk = await mountDisk(folder.path, "nr_inodes=2,mode=700");
    const [code, message] = await refusal(folder.at("s.sock"));
    assertEquals([code, /No space left on device/.test(message)], ["permission.ipc_path", true]);
    assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
  },
);

for (const name of ["s.sock", "s.sock.lock"]) {
  testWith(
    [NEEDS_ROOT],
    `claimSocket() in a shared folder names the owner of a foreign ${name}`,
    async () => {
      await using folder = await temporaryFolder();
      await Deno.chmod(folder.path, 0o1777);
      await Deno.writeTextFile(folder.at(name), "");
      await Deno.chown(folder.at(name), 1001, 1001);
      const [code, message] = await refusal(folder.at("s.sock"));
      assertEquals([code, /belongs to user 1001$/.test(message)], ["permission.ipc_path", true]);
      assertEquals((await Deno.lstat(folder.at(name))).uid, 1001);
    },
  );
}

testWith([POSIX], "claimSocket() does not follow a link at the lock file's path", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("precious"), "kept");
  await Deno.symlink(folder.at("precious"), folder.at("s.sock.lock"));
  assertEquals((await refusal(folder.at("s.sock")))[0], "permission.ipc_path");
  await Deno.remove(folder.at("s.sock.lock"));
  await Deno.link(folder.at("precious"), folder.at("s.sock.lock"));
  assertEquals((await refusal(folder.at("s.sock")))[1].endsWith("it has a second name"), true);
  assertEquals(await Deno.readTextFile(folder.at("precious")), "kept");
});

testWith([POSIX], "claimSocket() removes a socket without a listener", async () => {
  await using folder = await temporaryFolder();
  leaveSocket(folder.at("s.sock"));
  await using _claim = await claimSocket(folder.at("s.sock"));
  await assertRejects(() => Deno.lstat(folder.at("s.sock")), Deno.errors.NotFound);
});

testWith([POSIX], "claimSocket() never removes what is not a socket", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("s.sock"), "precious");
  const [code, message] = await refusal(folder.at("s.sock"));
  assertEquals(code, "permission.ipc_path");
  assertEquals(message.endsWith("it exists and is not a socket"), true);
  assertEquals(await Deno.readTextFile(folder.at("s.sock")), "precious");
  await assertRejects(() => Deno.lstat(folder.at("s.sock.lock")), Deno.errors.NotFound);
});

testWith(
  [POSIX],
  "a second claim is refused with exit status 85 while the first exists, and succeeds afterwards",
  async () => {
    const running = await startServer();
    const error = await assertRejects(() => claimSocket(running.path), AlreadyServingError);
    assertEquals(error.message, `another sentinel is already serving ${running.path}`);
    assertEquals(getExitCode(error), 85);
    assertEquals(await ask(running.path, '{"method":"health"}'), '{"status":"ok"}');
    await running.server.close();
    await running.claim[Symbol.asyncDispose]();
    await (await claimSocket(running.path))[Symbol.asyncDispose]();
    await running[Symbol.asyncDispose]();
  },
);

testWith(
  [POSIX],
  "claimSocket() is refused by a server that answers, though the lock is free",
  async () => {
    await using folder = await temporaryFolder();
    using _listener = Deno.listen({ transport: "unix", path: folder.at("s.sock") });
    await assertRejects(() => claimSocket(folder.at("s.sock")), AlreadyServingError);
    assert((await Deno.lstat(folder.at("s.sock"))).isSocket);
  },
);

testWith(
  [POSIX],
  "claimSocket() is refused by a server whose queue is full, and its socket stays",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("s.sock");
    using _listener = Deno.listen({ transport: "unix", path });
    const queued: Deno.UnixConn[] = [];
    await assertRejects(async () => {
      for (;;) queued.push(await Deno.connect({ transport: "unix", path }));
    }, Deno.errors.WouldBlock);
    await assertRejects(() => claimSocket(path), AlreadyServingError);
    assert((await Deno.lstat(path)).isSocket);
    for (const conn of queued) conn.close();
  },
);

testWith([POSIX], "claims during a release are never held by two", async () => {
  await using folder = await temporaryFolder();
  let holders = 0;
  let claims = 0;
  const contend = async () => {
    while (claims < 200) {
      try {
        await using _claim = await claimSocket(folder.at("s.sock"));
        claims++;
        assertEquals(++holders, 1);
        await Deno.lstat(folder.path);
        holders--;
      } catch (error) {
        if (!(error instanceof AlreadyServingError)) throw error;
      }
    }
  };
  await Promise.all([contend(), contend(), contend(), contend()]);
});

testWith(
  [POSIX],
  "of twenty concurrent claims one succeeds, and the next after its release",
  async () => {
    await using folder = await temporaryFolder();
    for (let round = 0; round < 10; round++) {
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, () => claimSocket(folder.at("s.sock"))),
      );
      const won = tries.filter((result) => result.status === "fulfilled");
      assertEquals(won.length, 1);
      await won[0]!.value[Symbol.asyncDispose]();
    }
  },
);

testWith([POSIX], "close() does not remove another socket at its path", async () => {
  await using running = await startServer();
  await Deno.remove(running.path);
  using _other = Deno.listen({ transport: "unix", path: running.path });
  await running.server.close();
  assert((await Deno.lstat(running.path)).isSocket);
});
