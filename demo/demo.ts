/**
 * `deno task demo`: the life of a license on one screen. It runs the commands exactly as shown, in a temporary directory that it
 * removes at the end, even if it is interrupted.
 */
import { fromFileUrl } from "@std/path";
import { Narrator } from "./narrator.ts";
import { quote } from "./shell_words.ts";
import { Workshop } from "./workshop.ts";

const LICENSE_KEY = "ROCKET-1";
const YEAR_MS = 365 * 86_400_000;

/** The demo takes a few seconds; this ends one that hangs. */
const LONGEST_MS = 60_000;

const REFUSED = 81;

/** Runs the steps; each needs the results of the one before it. */
async function tell(narrator: Narrator, workshop: Workshop): Promise<void> {
  narrator.say(`A license's life, in ${workshop.folder} (removed at the end).`);
  await workshop.addProgram("rocket", launcherOfRocket());

  narrator.step(
    "The vendor creates the organization's keys: one signs, the other goes to customers.",
  );
  await workshop.run("vendor", "keygen", "--out", "keys");

  narrator.step("The vendor starts the license server.");
  const server = workshop.start([
    ...["vendor", "serve", "--key", "keys/org_private_key.pem"],
    ...["--database", "vendor.db", "--port", "0"],
  ], "main");
  const [, url] = await server.line(/^listening on (\S+)/);

  narrator.step("The vendor issues a license for the program `rocket`.");
  await workshop.run(
    ...["vendor", "issue", "--key", "keys/org_private_key.pem", "--database", "vendor.db"],
    ...["--type", "standard", "--org", "acme", "--software-id", "rocket", "--feature", "seats=5"],
    ...["--license-key", LICENSE_KEY, "--expires", dayInAYear(), "--heartbeat-minutes", "1"],
    ...["--server-url", url!, "--out", "rocket.lic"],
  );

  narrator.step("The customer runs `rocket` under it, and `rocket` asks for its license.");
  narrator.say(
    "(This is the real program with a faster clock: in the demo a minute takes a second.)",
  );
  const run = workshop.start([
    ...["run", "--license", "rocket.lic", "--software", "./rocket"],
    ...["--org-key", "keys/org_public_key.pem", "--state-dir", "state", "--log-level", "debug"],
  ], "hurried");
  await run.line(/rocket: flying/);

  narrator.step(
    "The customer asks for the status; a heartbeat each minute keeps the license alive.",
  );
  await workshop.run("ipc", "status");
  await run.line(/heartbeat: ACTIVE/);

  narrator.step("The vendor revokes the license; the next heartbeat reports it.");
  await workshop.run("vendor", "revoke", LICENSE_KEY, "--database", "vendor.db");
  const code = await run.ended;
  if (code !== REFUSED) throw new Error(`sentinel run ended with ${code} instead of ${REFUSED}`);
  narrator.say(
    `\`sentinel run\` stopped the program, said why, and ended with exit status ${code}.`,
  );

  narrator.step("Ctrl-C stops the license server; the folder is removed.");
  server.signal("SIGINT");
  await server.ended;
}

/** Writes the software to a file, so that the command line can name it. */
function launcherOfRocket(): string {
  const script = fromFileUrl(new URL("./rocket.ts", import.meta.url));
  const permissions = "--allow-env=SENTINEL_IPC_SOCKET --allow-read --allow-write --allow-net";
  return `#!/bin/sh\nexec ${quote(Deno.execPath())} run --quiet --no-prompt ${permissions} ${
    quote(script)
  }\n`;
}

function dayInAYear(): string {
  return new Date(Date.now() + YEAR_MS).toISOString().slice(0, 10);
}

/** @returns The exit status: 130 if it was interrupted, as in shells. */
async function play(): Promise<number> {
  const interruption = new AbortController();
  const narrator = new Narrator(() => interruption.abort());
  if (Deno.build.os !== "linux") {
    narrator.say(`Sentinel runs on Linux so far, and this is ${Deno.build.os}.`);
    return 1;
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => interruption.abort());
  }
  const stop = AbortSignal.any([interruption.signal, AbortSignal.timeout(LONGEST_MS)]);
  try {
    await using workshop = await Workshop.open(narrator, stop);
    await tell(narrator, workshop);
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) return 130;
    const reason = stop.aborted ? `it took more than ${LONGEST_MS / 1000} s` : error;
    narrator.say(`\nThe demo failed: ${reason instanceof Error ? reason.message : reason}`);
    return 1;
  }
}

Deno.exit(await play());
