import { arrange } from "./diagnosis.ts";
import { answerPayload, serveAnswers, signedAnswer } from "./license_server.ts";
import { makeOrganization, standardPayload } from "./organization.ts";
import { residentBytes } from "./process_state.ts";
import { type RunningProgram, startProgram } from "./program.ts";
import { temporaryFolder } from "./temporary_folder.ts";

export interface MarathonOptions<T> {
  /** Numbers of heartbeats, rising, after which the program is looked at. */
  readonly stops: readonly number[];
  readonly look: (run: RunningProgram) => Promise<T>;
  /** Milliseconds between two heartbeats. */
  readonly tickMs: number;
  readonly v8Flags?: string;
}

/** Runs the real program with many heartbeats, against a server that signs its answers. */
export async function runMarathon<T>(
  { stops, look, tickMs, v8Flags }: MarathonOptions<T>,
): Promise<T[]> {
  await using folder = await temporaryFolder();
  const organization = await makeOrganization();
  let beats = 0;
  const waiting = new Map(stops.map((count) => [count, Promise.withResolvers<void>()]));
  await using server = serveAnswers(async (request) => {
    if (request.path.includes("heartbeat")) waiting.get(++beats)?.resolve();
    return await signedAnswer(organization, answerPayload(request));
  });
  const payload = standardPayload({ server_url: server.url });
  await using run = startProgram([
    ...["run", ...await arrange(folder, organization, payload)],
    ...["--software", "/bin/sleep", "--", "1000000"],
  ], {
    fixture: "sentinel_with_clock.ts",
    env: {
      FAKE_CLOCK: "running",
      INTERVAL_MINUTES: "1",
      TICK_MS: String(tickMs),
      XDG_RUNTIME_DIR: folder.path,
      XDG_STATE_HOME: folder.path,
    },
    ...(v8Flags === undefined ? {} : { v8Flags }),
  });
  const seen: T[] = [];
  const ended = run.end();
  for (const { promise } of waiting.values()) {
    const early = await Promise.race([promise, ended]);
    if (early !== undefined) throw new Error(`the run ended: ${JSON.stringify(early)}`);
    seen.push(await look(run));
  }
  return seen;
}

/** Resident bytes of the program. */
export async function readResident(run: RunningProgram): Promise<number> {
  return await residentBytes(run.pid);
}

/** Bytes of its heap that are in use; needs `--expose-gc`. */
export async function readHeap(run: RunningProgram): Promise<number> {
  const before = run.stderr.text.length;
  run.kill("SIGWINCH");
  const [, bytes] = await run.stderr.match(new RegExp(`^[^]{${before}}[^]*?heap (\\d+)\n`));
  return Number(bytes);
}
