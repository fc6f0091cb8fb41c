import type { Host } from "../platform/host.ts";
import type { TamperPolicy } from "../core/build_info.ts";
import { SentinelError } from "../core/errors.ts";
import type { DegradeStage } from "../ipc/license_answers.ts";
import type { TamperChecks } from "../platform/contract.ts";
import type { TamperFinding, TamperFindings } from "../enforcement/tamper_findings.ts";
import type { Watch } from "../enforcement/watches.ts";

const CHECK_INTERVAL_MS = 30_000;

const MINUTE_MS = 60_000, MAX_JITTER_MS = 30_000;

/** Stages of degradation, with their times after the finding. */
const STAGES: readonly (readonly [stage: DegradeStage, minutes: number])[] = [
  ["warnings", 0],
  ["errors", 2],
  ["slowdown", 5],
  ["crash", 10],
];

/** Stops the software because of tampering (exit status 137, as if it had been killed). */
class TamperError extends SentinelError {
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

interface WatchOptions extends TamperOptions {
  readonly signal: AbortSignal;
}

/** Polls the tamper checks while the software runs, and responds to findings by the policy. */
export function createTamperWatch(options: TamperOptions): Watch {
  return async (signal) => {
    if (options.policy === "off") return undefined;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const polling = pollChecks({ ...options, signal: either });
    try {
      return await respondToFindings({ ...options, signal });
    } finally {
      over.abort();
      await polling;
    }
  };
}

/** Polls at least once, even if the run is already over, and reports each kind of finding once. */
async function pollChecks(
  { tamperChecks, findings, clock, signal }: WatchOptions,
): Promise<void> {
  const known = new Set<string>();
  do {
    for (const finding of await tamperChecks.look()) {
      if (known.has(finding.kind)) continue;
      known.add(finding.kind);
      findings.report(finding);
    }
    await clock.sleep(CHECK_INTERVAL_MS, signal);
  } while (!signal.aborted);
}

async function respondToFindings(options: WatchOptions): Promise<SentinelError | undefined> {
  const { findings, policy, setDegradeStage, signal } = options;
  let wake = () => {};
  const lying = new AbortController();
  findings.onFinding(({ kind }) => {
    if (kind === "clock_replaced") lying.abort();
    wake();
  });
  signal.addEventListener("abort", () => wake(), { once: true });
  while (!signal.aborted) {
    const [finding] = policy === "report" ? [] : findings.open;
    if (finding === undefined) {
      await new Promise<void>((resolve) => wake = resolve);
      continue;
    }
    // stages are timed by the very clock that was replaced
    const lie = findings.open.find(({ kind }) => kind === "clock_replaced");
    if (policy === "stop" || lie) return new TamperError((lie ?? finding).message);
    const { settled } = findings;
    const error = await degrade(finding, {
      ...options,
      signal: AbortSignal.any([signal, settled, lying.signal]),
    });
    if (error !== undefined) return error;
    if (settled.aborted) setDegradeStage("normal");
  }
  return undefined;
}

/**
 * Degrades the license answers stage by stage, until `signal` is aborted. Each stage but the first begins up to half a
 * minute early or late, so that its cause is hard to tell by the clock.
 *
 * @returns The error that stops the software after the last stage.
 */
async function degrade(
  { message }: TamperFinding,
  { clock, random, log, setDegradeStage, signal }: WatchOptions,
): Promise<SentinelError | undefined> {
  const beganMs = clock.monotonicMs();
  for (const [stage, minutes] of STAGES) {
    const jitterMs = minutes === 0 ? 0 : Math.round((2 * random() - 1) * MAX_JITTER_MS);
    const atMs = minutes * MINUTE_MS + jitterMs;
    await clock.sleep(beganMs + atMs - clock.monotonicMs(), signal);
    if (signal.aborted) return undefined;
    log.warn(`license answers are degraded: ${stage} (${message})`, { stage });
    setDegradeStage(stage);
  }
  return new TamperError(message);
}
