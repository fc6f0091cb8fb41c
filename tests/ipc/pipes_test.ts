import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { requestIpc } from "../../src/ipc/client.ts";
import { findSockets } from "../../src/ipc/client.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { resolveSocketPath } from "../../src/ipc/socket.ts";
import type { LocalConn, PipeConnection } from "../../src/platform/local_socket.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { PIPE_PREFIX, platformWithPipes } from "../support/fake_pipes.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NAME = `${PIPE_PREFIX}sentinel-m1`;
const OWN_USER = selectPlatform().userId();

/** The other end of a pipe, which sends nothing. */
class SilentConn implements LocalConn {
  isClosed = false;
  heardBytes = 0;
  read = () => Promise.resolve(null);
  write = ({ length }: Uint8Array) => Promise.resolve((this.heardBytes += length, length));
  close = () => void (this.isClosed = true);
}

function checkUnheard(there: PipeConnection): void {
  if (there.kind !== "open") return;
  const { isClosed, heardBytes } = there.conn as SilentConn;
  assertEquals([isClosed, heardBytes], [true, 0]);
}

const open = (owner: string | undefined, conn = new SilentConn()): PipeConnection => ({
  kind: "open",
  conn,
  owner,
});

async function refusal(action: () => Promise<unknown>): Promise<[code: string, message: string]> {
  const { code, message } = await assertRejects(action, SentinelError);
  return [code, message];
}

const CANNOT_SERVE = `Cannot serve ${NAME}: it belongs to `;
const SERVING: Readonly<Record<string, [PipeConnection, code: string, message: string]>> = {
  "our own server": [open(OWN_USER), "running.ipc", `another sentinel is already serving ${NAME}`],
  "a server whose instances are all taken": [
    { kind: "busy" },
    "running.ipc",
    `another sentinel is already serving ${NAME}`,
  ],
  "another user's server": [open("S-1"), "permission.ipc_path", `${CANNOT_SERVE}user S-1`],
  "a server whose owner is not told": [
    open(undefined),
    "permission.ipc_path",
    `${CANNOT_SERVE}another user`,
  ],
  "a server that lets us in no more than its owner": [
    { kind: "denied" },
    "permission.ipc_path",
    `${CANNOT_SERVE}another user`,
  ],
};

for (const [who, [there, code, message]] of Object.entries(SERVING)) {
  testWith([POSIX], `claimSocket() leaves a pipe to ${who}, and its lock free`, async () => {
    await using folder = await temporaryFolder();
    const lockFolder = folder.at("run");
    const platform = platformWithPipes({ connect: () => there });
    assertEquals(await refusal(() => claimSocket(NAME, { platform, lockFolder })), [code, message]);
    checkUnheard(there);
    assertEquals([...Deno.readDirSync(lockFolder)], []);
  });
}

testWith(
  [POSIX],
  "only one claimSocket() of a pipe succeeds at a time, by a lock in the folder",
  async () => {
    await using folder = await temporaryFolder();
    const options = { platform: platformWithPipes({}), lockFolder: folder.at("run") };
    await using claim = await claimSocket(NAME, options);
    assertEquals(claim.path, NAME);
    assertEquals((await refusal(() => claimSocket(NAME, options)))[0], "running.ipc");
    const platform = { ...options.platform, runtimeFolder: () => options.lockFolder };
    assertEquals(await findSockets(() => undefined, platform), [NAME]);
  },
);

testWith([POSIX], "claimSocket() of a pipe needs a folder for its lock", async () => {
  const refused = await refusal(() => claimSocket(NAME, { platform: platformWithPipes({}) }));
  assertEquals(refused, ["config.ipc_path", "no folder is known for the pipe's lock file"]);
});

testWith(
  [POSIX],
  "resolveSocketPath() names a pipe after the machine, and refuses other paths",
  () => {
    const pipePrefix = PIPE_PREFIX, machineId = "m1", maxBytes = 256;
    assertEquals(resolveSocketPath({ machineId, pipePrefix, maxBytes }), NAME);
    const error = assertThrows(
      () => resolveSocketPath({ machineId, pipePrefix, maxBytes, path: "C:\\s.sock" }),
      SentinelError,
    );
    assertEquals(
      [error.code, error.message],
      [
        "config.ipc_path",
        `Cannot use the pipe C:\\s.sock: its name must begin with ${PIPE_PREFIX}`,
      ],
    );
  },
);

const ANSWERS: Readonly<Record<string, [PipeConnection, code: string]>> = {
  "is not there": [{ kind: "absent" }, "absent.socket"],
  "does not let us in": [{ kind: "denied" }, "permission.socket"],
  "is another user's": [open("S-1"), "permission.server"],
  "is of a user that is not told": [open(undefined), "permission.server"],
};

for (const [what, [there, code]] of Object.entries(ANSWERS)) {
  testWith([POSIX], `requestIpc() sends nothing into a pipe that ${what}`, async () => {
    const platform = platformWithPipes({ connect: () => there });
    const asked = () => requestIpc({ path: NAME, method: "health", platform });
    assertEquals((await refusal(asked))[0], code);
    checkUnheard(there);
  });
}

testWith([POSIX], "requestIpc() retries a busy pipe for five seconds", async () => {
  let tries = 0;
  const platform = platformWithPipes({
    connect: () => ++tries === 3 ? open(OWN_USER) : { kind: "busy" },
  });
  const clock = new FakeClock();
  const ask = () => refusal(() => requestIpc({ path: NAME, method: "health", platform, clock }));
  const closed = ask();
  await clock.advance(40);
  assertEquals([(await closed)[0], tries], ["absent.closed", 3]);
  const busy = ask();
  await clock.advance(5000);
  assertEquals((await busy)[0], "absent.connect_timeout");
});
