import { LicenseServerClient } from "../activation/client.ts";
import { checkDates } from "../license/dates.ts";
import type { StandardLicense } from "../license/payload.ts";
import { openStateFolder } from "../state/state_folder.ts";
import { ConfigError } from "./config_error.ts";
import { UnreachableError } from "./endings.ts";
import { Findings } from "./findings.ts";
import { Lease } from "./lease.ts";
import { Ledger } from "./ledger.ts";
import { openMachine } from "./machine.ts";
import type { RunDependencies, RunRequest } from "./run.ts";
import { serveAndSupervise } from "./serve_and_supervise.ts";
import { aliveWatch, dateWatch, heartbeatWatch } from "./watches.ts";

/** Runs software under a licence that is kept alive against the vendor's server. */
export async function runStandard(
  license: StandardLicense,
  request: RunRequest,
  deps: RunDependencies,
): Promise<number> {
  const serverUrl = request.serverUrl ?? license.server_url;
  if (serverUrl === undefined) {
    throw new ConfigError("config.server_url", "--server-url is required for STANDARD licenses");
  }
  const { clock, log, platform, random, stopRequest: { stop } } = deps;
  using folder = await openStateFolder(request.stateFolder(), { log, pid: deps.pid });
  const { keys, state, storage, rollback } = await openMachine(folder, deps);
  const { sign, publicKeyPem } = keys;
  const { verify, fetch, newUuid } = deps;
  const client = new LicenseServerClient({
    serverUrl,
    sign,
    verify,
    clock,
    fetch,
    newNonce: newUuid,
  });
  const { readBootClock } = platform;
  const findings = new Findings(log);
  if (rollback !== undefined) {
    const message = "state rollback detected";
    findings.report({ kind: "state_rollback", message, evidence: rollback });
  }
  const ledger = new Ledger({ license, state, storage, clock, readBootClock, findings, log });
  const lease = new Lease({
    license,
    ledger,
    client,
    serverUrl,
    publicKeyPem,
    platform: platform.wireName,
    clock,
    random,
    log,
  });
  await lease.checkClock();
  try {
    await lease.activate(stop);
    await lease.beatAtStart(stop);
  } catch (error) {
    // whoever asks to stop while the server is asked need not hear that it did not answer
    if (!(stop.aborted && error instanceof UnreachableError)) throw error;
    log.info(`Received signal ${stop.reason}, shutting down...`);
    return 0;
  }
  checkDates(license, lease.nowMs());
  try {
    return await serveAndSupervise(request, deps, {
      license,
      machineId: state.machine_id,
      watches: [
        heartbeatWatch(lease, { license, clock, random }),
        dateWatch(license, clock, () => lease.nowMs()),
        aliveWatch(lease, clock),
      ],
      status: () => ({
        license_status: lease.status,
        grace_remaining_seconds: lease.graceRemainingSeconds,
        findings: findings.count,
      }),
      onServing: (ipc) => {
        lease.onGraceCharged((seconds) =>
          ipc.publish({ event: "grace", remaining_seconds: seconds })
        );
        findings.onFound(({ kind, message, evidence }) =>
          ipc.publish({ event: "state", finding: kind, message, evidence })
        );
      },
    });
  } finally {
    await ledger.end();
  }
}
