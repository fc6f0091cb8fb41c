// Not on Windows: the software is a shell script.
import { assert, assertEquals } from "@std/assert";
import { answerPayload, serveAnswers, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { type RunningProgram, startProgram } from "../support/program.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** `KILLS=200` for the whole of it; fewer where every minute counts. */
const KILLS = Number(Deno.env.get("KILLS") ?? 20);
const SEED = 20_260_615;

/** A run is killed at most so many requests after its start, and so many milliseconds after that request. */
const MOST_REQUESTS = 14, LONGEST_DELAY_MS = 12;

const GRACE = /(\d+) seconds remaining|grace remaining: (\d+)|(\d+) seconds of grace remaining/g;

function graceIn(log: string): number[] {
  return Array.from(log.matchAll(GRACE), ([, a, b, c]) => Number(a ?? b ?? c));
}

/** The next start would, too, but its wait for the system to clear the process away is not what this is about. */
async function stopSoftware(pidFile: string): Promise<void> {
  const pid = Number(await Deno.readTextFile(pidFile).catch(() => ""));
  try {
    if (pid > 0) Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.remove(pidFile).catch(() => {});
}

Deno.test(`a run killed at ${KILLS} moments always leaves a complete state, and never more grace`, async () => {
  await using folder = await temporaryFolder();
  const organization = await makeOrganization();
  const random = seededRandom(SEED);
  let requestsLeft = Infinity, delayMs = 0, isReachable = true;
  let run: RunningProgram | undefined;
  await using server = serveAnswers(async (request) => {
    if (--requestsLeft === 0) setTimeout(() => run?.kill("SIGKILL"), delayMs);
    // the first answer of a run is as it was drawn, then every third is an outage
    const isOutage = !isReachable || requestsLeft % 3 === 0;
    if (isOutage && !request.path.includes("activate")) return new Response("?", { status: 500 });
    return await signedAnswer(organization, answerPayload(request));
  });
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  const payload = standardPayload({ heartbeat_grace_period_days: 365, server_url: server.url });
  await Deno.writeTextFile(folder.at("a.lic"), await organization.license(payload));
  // what outlives a killed run must not hold its output open
  const script = `#!/bin/sh\necho $$ > ${folder.at("pid")}\nexec sleep 60 >/dev/null 2>&1\n`;
  await Deno.writeTextFile(folder.at("software"), script, { mode: 0o755 });
  const args = [
    ...["run", "--license", folder.at("a.lic"), "--org-key", folder.at("org.pem")],
    ...["--state-dir", folder.at("state"), "--software", folder.at("software")],
  ];
  const options = {
    fixture: "sentinel_with_clock.ts",
    env: {
      FAKE_CLOCK: "running",
      INTERVAL_MINUTES: "1",
      XDG_RUNTIME_DIR: folder.path,
      XDG_STATE_HOME: folder.path,
    },
  };

  const grace: number[] = [];
  const killed: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    isReachable = kill === 0 || random() < 0.5;
    requestsLeft = 1 + Math.floor(random() * MOST_REQUESTS);
    delayMs = Math.floor(random() * LONGEST_DELAY_MS);
    run = startProgram(args, options);
    const { code, stderr } = await run.end();
    await stopSoftware(folder.at("pid"));
    assertEquals(code, 137, stderr);
    assert(!/set aside|rollback|cannot/i.test(stderr), stderr);
    grace.push(...graceIn(stderr));
    killed.push(stderr);
  }
  assert(grace.length > KILLS, `${grace}`);
  assert(killed.some((log) => log.includes("Server unreachable, operating under grace period")));
  for (let i = 1; i < grace.length; i++) {
    assert(grace[i]! <= grace[i - 1]!, `${grace[i - 1]} became ${grace[i]}`);
  }

  isReachable = true;
  requestsLeft = Infinity;
  await using last = startProgram([...args, "--log-level", "debug"], options);
  await last.stderr.match(/software launched/);
});
