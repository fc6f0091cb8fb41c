import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { SentinelError } from "../../src/core/errors.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { DaemonControl } from "../../src/daemon/control.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

/** The error for a daemon without a socket, with this text in its PID file, that cannot be signaled. */
async function refusalOf(
  text: string,
  { fault, signal }: { fault?: Error; signal?: Deno.Signal },
): Promise<string[]> {
  await using folder = await temporaryFolder();
  const pidFile = folder.at("d.pid");
  await Deno.writeTextFile(pidFile, text);
  using held = await Deno.open(pidFile, { write: true });
  await held.lock(true);
  const control = new DaemonControl({
    pidFile,
    findSockets: () => Promise.resolve([]),
    platform: selectPlatform(),
    clock: systemClock,
    kill() {
      if (fault !== undefined) throw fault;
    },
  });
  const { code, message } = await assertRejects(() => control.ask("stop", signal), SentinelError);
  return [code, message.replace(pidFile, "PID FILE")];
}

testWith([POSIX], "a locked PID file without a pid is an error", async () => {
  assertEquals(await refusalOf("", { signal: "SIGTERM" }), [
    "absent.pid",
    "PID FILE is locked, but contains no pid",
  ]);
});

testWith([POSIX], "a daemon that ends before the signal is not running", async () => {
  const fault = new Deno.errors.NotFound("ESRCH");
  assertEquals(await refusalOf("4000000\n", { fault, signal: "SIGTERM" }), [
    "absent.daemon",
    "sentinel daemon not running",
  ]);
});

testWith([POSIX], "a daemon that cannot be signaled is an error with the reason", async () => {
  const fault = new Deno.errors.PermissionDenied("EPERM: Operation not permitted");
  assertEquals(await refusalOf("4000000\n", { fault, signal: "SIGTERM" }), [
    "permission.signal",
    "sentinel daemon (pid 4000000) cannot be signaled: EPERM: Operation not permitted",
  ]);
});

testWith([POSIX], "commands without a signal need a socket", async () => {
  const [code] = await refusalOf("4000000\n", {});
  assertEquals(code, "absent.socket");
});
