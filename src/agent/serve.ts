import { launchChild } from "./launch_child.ts";
import type { Host } from "../platform/host.ts";
import { describeError, SentinelError, unwrapError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { aborted } from "../core/clock.ts";
import type { CurrentLicense, Licensing } from "../enforcement/licensing.ts";
import type { StopRequest } from "./stop_request.ts";
import { LAUNCH_ONCE, Supervisor } from "../supervision/supervisor.ts";
import type { Watch } from "../enforcement/watches.ts";
import type { DegradeStage } from "../ipc/license_answers.ts";
import { type IpcServer, serveIpc } from "../ipc/server.ts";
import { claimPlace } from "../ipc/claim_place.ts";
import type { SocketClaim } from "../ipc/socket_owner.ts";
import { Agent, describeLicense, type VerifiedExecutable } from "./agent.ts";
import { openChildRecord, type StopDependencies } from "../supervision/child_record.ts";
import type { TamperFindings } from "../enforcement/tamper_findings.ts";
import { resolveIpcPlaces, type RunDependencies, type RunRequest } from "./run_request.ts";
import type { LicenseEnvelope, SignedLicense } from "../license/license_file.ts";
import { LicenseProof } from "./license_proof.ts";
import type { RunHost } from "./run_host.ts";
import { stopLeftOver } from "../supervision/child.ts";

interface SuperviseOptions extends Pick<Host, "log"> {
  readonly supervisor: Supervisor;
  readonly current: CurrentLicense;
  readonly tampering: Watch;
  readonly stopRequest: StopRequest;
  /** Called before the child is stopped for good. */
  readonly onEnding: (why: StopReason) => Promise<void>;
}

/** Why the software is stopped or has ended, as its socket says. */
interface StopReason {
  /** `signal`, `request`, `software.exited`, or the code of an error. */
  readonly reason: string;
  /** For people, one line. */
  readonly message: string;
}

type Ending =
  | { readonly kind: "over"; readonly code: number }
  | { readonly kind: "asked" }
  | { readonly kind: "fault"; readonly error: SentinelError };

/**
 * Launches the child and waits for its end, a request to stop, or an error that forbids it to run. The child and its
 * descendants have ended when this returns or throws.
 *
 * @returns The child's exit status; 0 after a request to stop.
 * @throws {SentinelError} What forbids the child to run, or why it cannot be launched.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { supervisor, stopRequest: { stop }, onEnding, log } = options;
  if (stop.aborted) {
    logStopRequest(log, String(stop.reason));
    return 0;
  }
  const over = new AbortController();
  const software = supervisor.run(over.signal);
  software.catch(() => {});
  let watching: ReturnType<Watch> | undefined;
  const tampering = (signal: AbortSignal) => watching = options.tampering(signal);
  let why: StopReason | undefined;
  try {
    await Promise.race([supervisor.started, software]);
    const ending = await waitForEnding(software, { ...options, tampering }, over.signal);
    why = explain(ending, stop);
    if (ending.kind === "asked") logStopRequest(log, String(stop.reason));
    if (ending.kind === "fault") {
      log.warn(`stopping the software: ${ending.error.message}`);
      throw ending.error;
    }
    return ending.kind === "over" ? ending.code : 0;
  } catch (error) {
    why = explainError(error);
    throw error;
  } finally {
    try {
      await onEnding(why ?? { reason: "internal", message: "" });
    } finally {
      over.abort();
      await software.catch(() => {});
      // the child may end before the first poll of the tamper checks
      await watching?.catch(() => {});
    }
  }
}

function explain(ending: Ending, { reason }: AbortSignal): StopReason {
  switch (ending.kind) {
    case "over":
      return {
        reason: "software.exited",
        message: `the software exited with status ${ending.code}`,
      };
    case "asked":
      return {
        reason: String(reason).startsWith("SIG") ? "signal" : "request",
        message: describeStopRequest(String(reason)),
      };
    case "fault":
      return explainError(ending.error);
  }
}

function explainError(thrown: unknown): StopReason {
  const error = unwrapError(thrown);
  const reason = error instanceof SentinelError ? error.code : "internal";
  return { reason, message: describeError(error) };
}

/** @param by The signal's name or another origin of the request. */
export function logStopRequest(log: Logger, by: string): void {
  log.info(describeStopRequest(by));
}

function describeStopRequest(by: string): string {
  return `Received ${by.startsWith("SIG") ? `signal ${by}` : by}, shutting down...`;
}

async function waitForEnding(
  software: Promise<number | undefined>,
  { current, tampering, stopRequest: { stop } }: SuperviseOptions,
  over: AbortSignal,
): Promise<Ending> {
  current.watch();
  return await Promise.race<Ending>([
    software.then((code = 0) => ({ kind: "over", code })),
    aborted(stop).then(() => ({ kind: "asked" })),
    current.fault.then((error) => ({ kind: "fault", error })),
    tampering(over).then((error) =>
      error === undefined ? new Promise<never>(() => {}) : { kind: "fault", error }
    ),
  ]);
}

interface ServeOptions {
  readonly claim: SocketClaim;
  readonly licensing: Pick<Licensing, "machineId" | "findings">;
  readonly current: CurrentLicense;
  /** The file of the current license. */
  readonly envelope: LicenseEnvelope;
  readonly software: VerifiedExecutable;
  readonly host: RunHost;
  /** The license that was given, if it begins later. */
  readonly next?: SignedLicense | undefined;
}

/**
 * Claims the place of the run's socket; it can be bound there.
 *
 * @throws {SentinelError} as {@linkcode claimPlace}.
 */
export async function claimSocketPlace(
  machineId: string,
  request: RunRequest,
  deps: RunDependencies,
): Promise<SocketClaim> {
  const { platform, log, env } = deps;
  return await claimPlace(resolveIpcPlaces(request, { ...deps, machineId }), {
    ...{ platform, log },
    lockFolder: platform.runtimeFolder(env),
  });
}

/**
 * Opens the socket, launches the software and waits until it ends. The socket is removed and all
 * processes have ended when this returns or throws.
 *
 * @returns The software's exit status; 0 after a request to stop.
 * @throws {SentinelError} What ended the run.
 */
export async function serveAndSupervise(
  request: RunRequest,
  deps: RunDependencies,
  { claim, licensing: { machineId, findings }, current, envelope, software, host, next }:
    ServeOptions,
): Promise<number> {
  const { force, stop } = deps.stopRequest;
  const launching = {
    ...deps,
    childRecord: openChildRecord(claim),
    machineId,
    force,
    stop,
  };
  const supervisor: Supervisor = new Supervisor({
    ...deps,
    settings: request.supervision ?? LAUNCH_ONCE,
    launch: async (onLaunched) => {
      const verified = await software.verify(current.license.software_checksum);
      return await launchChild(request, claim.path, {
        ...launching,
        recorder: host.recorder,
        verified,
        onLaunched,
      });
    },
    watchHealth: async (running, watch, signal) => {
      const { watchRunHealth } = await import("./run_health.ts");
      return await watchRunHealth({ ...watch, software: running, deps, ipc }, signal);
    },
    onLaunched: () => host.onRunning(agent),
  });
  const proof = new LicenseProof({ ...deps, current, envelope: () => agent.envelope });
  await using ipc: IpcServer = serveIpc({
    ...deps,
    ...request.ipc,
    claim,
    license: describeLicense(current.license),
    isDescendant: (pid) => supervisor.isDescendant(pid),
    followsChildren: () => supervisor.settings.health?.probe.kind === "ipc",
    prove: (wanted, signal) => proof.prove(wanted, signal),
    control: host.control(() => agent),
    status: () => ({ ...agent.status(), ...host.status() }),
  });
  const agent: Agent = new Agent({
    request,
    deps,
    current,
    envelope,
    findings,
    supervisor,
    software,
    ipc,
  });
  publishLicenseEvents(ipc, current, findings);
  await host.onServing(agent);
  await stopLeftOver(launching);
  if (next !== undefined) agent.awaitLicense(next);
  return await supervise({
    ...deps,
    supervisor,
    current,
    tampering: watchForTampering(request, launching, { ipc, findings }),
    onEnding: async (why) => {
      agent.end();
      await host.onEnding();
      ipc.publish({ event: "stopping", ...why });
      await ipc.close();
    },
  });
}

/** Publishes the end of the license, charges of grace and tamper findings to the socket's watchers. */
function publishLicenseEvents(
  ipc: IpcServer,
  current: CurrentLicense,
  findings: TamperFindings,
): void {
  current.onEnding(({ days, expiryDate }) =>
    ipc.publish({ event: "license_ending", days, expiry_date: expiryDate })
  );
  current.onGraceCharged((seconds) => ipc.publish({ event: "grace", remaining_seconds: seconds }));
  findings.onFinding(({ kind, message, evidence }) =>
    ipc.publish({ event: "state", finding: kind, message, evidence })
  );
}

/**
 * Looks for tampering, and for software that other runs left behind; imports both only after the launch, which they would
 * delay.
 */
function watchForTampering(
  { tamperPolicy: policy = "degrade" }: RunRequest,
  deps: RunDependencies & StopDependencies,
  { ipc, findings }: { ipc: IpcServer; findings: TamperFindings },
): Watch {
  return async (signal) => {
    const { stopAbandoned } = await import("../supervision/abandoned.ts");
    const stopping = stopAbandoned(deps);
    stopping.catch(() => {});
    const { createTamperWatch } = await import("./tamper_watch.ts");
    const tamperChecks = await deps.platform.openTamperChecks(deps.env);
    const setDegradeStage = (stage: DegradeStage) => ipc.setDegradeStage(stage);
    const options = { ...deps, policy, findings, tamperChecks, setDegradeStage };
    const error = await createTamperWatch(options)(signal);
    await stopping;
    return error;
  };
}
