/**
 * `deno task demo`: a license's life in one screen. Everything that is shown happens: the commands are run as they stand
 * there, in a temporary folder that is gone at the end, also when the demo is interrupted.
 */
import { fromFileUrl } from "@std/path";
import { Narrator } from "./narrator.ts";
import { quote } from "./shell_words.ts";
import { Workshop } from "./workshop.ts";

const LICENSE_KEY = "ROCKET-1";
const YEAR_MS = 365 * 86_400_000;

/** The story takes a few seconds; a demo that hangs helps nobody. */
const LONGEST_MS = 60_000;

const REFUSED = 81;

/** Tells the story; each step needs what the one before it left. */
async function tell(narrator: Narrator, workshop: Workshop): Promise<void> {
  narrator.say(`A license's life, in ${workshop.folder} (gone afterwards).`);
  await workshop.addProgram("rocket", launcherOfRocket());

  narrator.step(
    "The vendor makes the organization's keys: one signs, the other goes to customers.",
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
    "(This is the real program but for its clock: in the demo a minute takes a second.)",
  );
  const run = workshop.start([
    ...["run", "--license", "rocket.lic", "--software", "./rocket"],
    ...["--org-key", "keys/org_public_key.pem", "--state-dir", "state", "--log-level", "debug"],
  ], "hurried");
  await run.line(/rocket: flying/);

  narrator.step("The customer asks how it is; a heartbeat a minute keeps the license alive.");
  await workshop.run("ipc", "status");
  await run.line(/heartbeat: ACTIVE/);

  narrator.step("The vendor revokes the license; the next heartbeat brings the news.");
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

/** The software as a file of its own, so that it can be named on the command line. */
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

/** @returns The exit status: 130 where it was interrupted, as shells have it. */
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
