// Not on Windows: the software is a shell script.
import { assertEquals, assertMatch } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { LINUX, testWith } from "../support/requirements.ts";
import { PINNED_RUNTIME } from "../support/program.ts";
import { OPENSSL } from "../support/test_remote.ts";

/** A shell that a real-time signal ends: SIGRTMIN+6. */
const KILLS_ITSELF = "kill -40 $$; sleep 1000";

testWith(
  [LINUX],
  "software that a real-time signal ends gives run the status 128 and its number",
  async () => {
    await using base = await RunHarness.open();
    const software = await base.script("software", KILLS_ITSELF);
    const { code, stderr } = await base.run(software);
    assertEquals(code, 168);
    assertMatch(stderr, /DEBUG: software ended \(.*status: 168\)/);
    assertEquals(await base.sockets(), []);
  },
);

testWith(
  [LINUX],
  "a daemon starts software again that real-time signals end, one after the other",
  async () => {
    await using harness = await DaemonHarness.open({
      script: `echo $$ >> "$0.starts"
case $(wc -l < "$0.starts") in 1) kill -34 $$;; 2) kill -64 $$;; *) exec sleep 1000;; esac`,
    });
    assertEquals((await harness.daemon("start")).code, 0);
    await harness.softwarePids(3);
    await harness.logged(/the software was killed \(status 162\): restart 1 of/);
    await harness.logged(/the software was killed \(status 192\): restart 2 of/);
    assertEquals((await harness.daemon("status")).code, 0);
    assertEquals((await harness.daemon("stop")).code, 0);
    await harness.requireNothingLeft();
  },
);

testWith(
  [LINUX],
  "a health script that a real-time signal ends has failed, and says so",
  async () => {
    await using harness = await DaemonHarness.open({
      tables: `[health]\ncheck_interval_ms = 100\nhealth_check_script = "check"\n` +
        `restart_on_failure = false`,
    });
    await harness.base.script("check", KILLS_ITSELF);
    assertEquals((await harness.daemon("start")).code, 0);
    await harness.logged(/health check failed \(3 in a row\): script: killed: SIGRTMIN\+6/);
    assertEquals((await harness.daemon("stop")).code, 0);
    await harness.requireNothingLeft();
  },
);

testWith(
  [LINUX, ...OPENSSL, PINNED_RUNTIME],
  "the status of a remote process that a real-time signal ended names it, and the server goes on",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    await using server = await setup.serve();
    const endings: string[] = [];
    for (const signal of [34, 40, 50, 64]) {
      const script = `kill -${signal} $$; sleep 1000`;
      const started = await setup.ops(server, "start", "sh", "-c", script);
      const id = started.stdout.trim();
      await setup.ops(server, "stream", id);
      endings.push((await setup.ops(server, "status", id)).stdout);
    }
    assertEquals(endings, [
      "killed: SIGRTMIN\n",
      "killed: SIGRTMIN+6\n",
      "killed: SIGRTMAX-14\n",
      "killed: SIGRTMAX\n",
    ]);
  },
);
