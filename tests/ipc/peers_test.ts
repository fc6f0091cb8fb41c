import { assert, assertEquals } from "@std/assert";
import { requestIpc } from "../../src/ipc/client.ts";
import { IpcClientError } from "../../src/ipc/errors.ts";
import type { IpcServerOptions } from "../../src/ipc/server.ts";
import type { Platform } from "../../src/platform/contract.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { startServer, type TestServer } from "../support/ipc_server.ts";
import { OTHER_USERS, runAs } from "../support/other_user.ts";
import { testWith } from "../support/requirements.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const KNOCK = new URL("../fixtures/knock.ts", import.meta.url);

interface Knocks {
  readonly refused: number;
  readonly mine: number;
  readonly foreign: number;
  readonly closed: number;
}

/** A server whose folder and socket are open to all, so that only the peer credentials keep other users out. */
async function startOpenServer(options: Partial<IpcServerOptions> = {}): Promise<TestServer> {
  const running = await startServer({
    control: { debug: (_, { pid, user }) => ({ pid, user }) },
    limits: { maxConnections: 1000 },
    ...options,
  });
  await Deno.chmod(running.folder, 0o1777);
  await Deno.chmod(running.path, 0o666);
  return running;
}

async function knock(user: number, running: TestServer, count = 400): Promise<Knocks> {
  return await runAs(user, {
    script: KNOCK,
    args: [running.path, String(count), String(user + 1)],
    folder: running.folder,
  }) as Knocks;
}

testWith(
  [OTHER_USERS],
  "1200 connections of three users at random: none is taken for another's",
  async () => {
    await using running = await startOpenServer();
    await using noise = makeNoise();
    const [own, first, second] = await Promise.all([
      knock(0, running),
      knock(1001, running),
      knock(1002, running),
    ]);
    await noise[Symbol.asyncDispose]();
    assertEquals([own.refused, own.foreign, own.mine + own.closed], [0, 0, 400]);
    for (const other of [first, second]) {
      assertEquals([other.mine, other.foreign, other.refused + other.closed], [0, 0, 400]);
    }
    const refusedUsers = running.log.records.map(({ fields }) => fields["uid"]);
    const count = (user: string) => refusedUsers.filter((uid) => uid === user).length;
    assertEquals([count("0"), count("1001"), count("1002")], [0, 400, 400]);
  },
);

/** Opens and closes files and sockets in this process, so that descriptors are reused. */
function makeNoise(): AsyncDisposable {
  let stopped = false;
  const random = seededRandom(7);
  const files = async () => {
    while (!stopped) {
      using _file = await Deno.open("/dev/null");
      if (random() < 0.5) await Deno.stat("/");
    }
  };
  const sockets = async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("noise.sock");
    using listener = Deno.listen({ transport: "unix", path });
    while (!stopped) {
      const [client, accepted] = await Promise.all([
        Deno.connect({ transport: "unix", path }),
        listener.accept(),
      ]);
      client.close();
      accepted.close();
    }
  };
  const running = [files(), files(), sockets(), sockets()];
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

testWith(
  [OTHER_USERS],
  "another user receives no byte and is logged only at DEBUG, with uid and pid",
  async () => {
    await using running = await startOpenServer();
    const { refused, closed } = await knock(1001, running, 5);
    assertEquals(refused + closed, 5);
    for (const { level, message, fields } of running.log.records) {
      assertEquals([level, fields["uid"]], ["debug", "1001"]);
      assertEquals(message, `ipc connection refused: uid 1001, pid ${fields["pid"]}`);
      assert(Number(fields["pid"]) > 0);
    }
    assertEquals(running.log.records.length, 5);
  },
);

testWith([OTHER_USERS], "a client sends nothing to another user's server", async () => {
  await using running = await startOpenServer();
  const ask = (platform: Platform) =>
    requestIpc({ path: running.path, method: "health", platform }).then(
      ({ line }) => line,
      (error) => error instanceof IpcClientError ? error.code : String(error),
    );
  const stranger: Platform = { ...selectPlatform(), userId: () => "1001" };
  assertEquals(await ask(stranger), "permission.server");
  assertEquals(await ask(selectPlatform()), '{"status":"ok"}');
});
