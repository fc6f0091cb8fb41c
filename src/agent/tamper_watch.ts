import type { Host } from "../platform/host.ts";
import { SentinelError } from "../core/errors.ts";
import type { DegradeStage } from "../ipc/license_answers.ts";
import type { TamperChecks } from "../platform/contract.ts";
import { scheduleStages, type TamperPolicy } from "./degradation_schedule.ts";
import type { TamperFinding, TamperFindings } from "../enforcement/tamper_findings.ts";
import type { Watch } from "../enforcement/watches.ts";

/** How often the surroundings are looked at. */
export const LOOK_EVERY_MS = 30_000;

/** Somebody works against the license: the software is stopped (exit status 137, as if it had been killed). */
export class TamperError extends SentinelError {
  constructor(message: string) {
    super("tamper.stopped", message);
  }
}

interface TamperOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly policy: TamperPolicy;
  readonly findings: TamperFindings;
  readonly tamperChecks: TamperChecks;
  readonly setDegradeStage: (stage: DegradeStage) => void;
}

interface Running extends TamperOptions {
  readonly signal: AbortSignal;
}

/** Looks for tampering while the software runs, and does with what is found what the policy says. */
export function tamperWatch(options: TamperOptions): Watch {
  return async (signal) => {
    if (options.policy === "off") return undefined;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const looking = lookAgainAndAgain({ ...options, signal: either });
    try {
      return await respondAgainAndAgain({ ...options, signal });
    } finally {
      over.abort();
      await looking;
    }
  };
}

/** Looks at least once, however soon the run is over. Each kind of finding is told once. */
async function lookAgainAndAgain(
  { tamperChecks, findings, clock, signal }: Running,
): Promise<void> {
  const known = new Set<string>();
  do {
    for (const finding of await tamperChecks.look()) {
      if (known.has(finding.kind)) continue;
      known.add(finding.kind);
      findings.report(finding);
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  } while (!signal.aborted);
}

async function respondAgainAndAgain(options: Running): Promise<SentinelError | undefined> {
  const { findings, policy, setDegradeStage, signal } = options;
  let wake = () => {};
  findings.onFinding(() => wake());
  signal.addEventListener("abort", () => wake(), { once: true });
  while (!signal.aborted) {
    const [finding] = policy === "report" ? [] : findings.open;
    if (finding === undefined) {
      await new Promise<void>((resolve) => wake = resolve);
      continue;
    }
    if (policy === "stop") return new TamperError(finding.message);
    const { settled } = findings;
    const error = await degrade(finding, {
      ...options,
      signal: AbortSignal.any([signal, settled]),
    });
    if (error !== undefined) return error;
    if (settled.aborted) setDegradeStage("normal");
  }
  return undefined;
}

/** From stage to stage, until it is over or there is nothing left to hold against the run. */
async function degrade(
  { message }: TamperFinding,
  { clock, random, log, setDegradeStage, signal }: Running,
): Promise<SentinelError | undefined> {
  const beganMs = clock.monotonicMs();
  for (const { stage, atMs } of scheduleStages(random)) {
    await clock.sleep(beganMs + atMs - clock.monotonicMs(), signal);
    if (signal.aborted) return undefined;
    log.warn(`license answers are degraded: ${stage} (${message})`, { stage });
    setDegradeStage(stage);
  }
  return new TamperError(message);
}
