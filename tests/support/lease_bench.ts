import type { StandardLicense } from "../../src/license/payload.ts";
import { TamperFindings } from "../../src/enforcement/tamper_findings.ts";
import { Lease } from "../../src/enforcement/lease.ts";
import { GraceBudget } from "../../src/enforcement/grace.ts";
import { createState, findRecord, replaceRecord } from "../../src/enforcement/grace.ts";
import type { LicenseRecord, State } from "../../src/state/state_file.ts";
import { FakeClock } from "./fake_clock.ts";
import { standardPayload } from "./organization.ts";
import { RecordingLog } from "./recording_log.ts";
import { ScriptedServer, verified } from "./scripted_server.ts";

/** A license with an interval of a minute and a day of grace. */
export const LICENSE = standardPayload() as unknown as StandardLicense;

/** A signal that never aborts. */
export const forever = new AbortController().signal;

const MINUTE_MS = 60_000;

/** A lease of one machine, and what it did. */
export class LeaseBench {
  readonly server = new ScriptedServer(verified("ACTIVE"));
  readonly clock: FakeClock;
  readonly log = new RecordingLog();
  readonly findings = new TamperFindings(this.log);
  readonly saved: State[] = [];
  /** Of each that was saved, whether not even a kill in the middle may lose it. */
  readonly ahead: boolean[] = [];
  forgotten = false;
  /** What a save waits for, or fails with. */
  beforeSave: () => Promise<void> = () => Promise.resolve();
  readonly graceBudget: GraceBudget;
  readonly lease: Lease;

  constructor(state = createState("M"), { license = LICENSE, clock = new FakeClock() } = {}) {
    this.clock = clock;
    this.graceBudget = new GraceBudget({
      license,
      memory: { state },
      clock,
      readBootClock: () => clock.readBoot(),
      findings: this.findings,
      log: this.log,
      storage: {
        save: async (state, { ahead }) => {
          await this.beforeSave();
          this.saved.push(state);
          this.ahead.push(ahead);
        },
        updateReplicas: () => Promise.resolve(),
        forget: () => {
          this.forgotten = true;
          return Promise.resolve();
        },
      },
    });
    this.lease = new Lease({
      license,
      graceBudget: this.graceBudget,
      client: this.server,
      serverUrl: "http://server",
      publicKeyPem: "PEM",
      platform: { wireName: "LINUX_AMD64" },
      clock,
      random: () => 0.5,
      log: this.log,
    });
  }

  get record(): LicenseRecord {
    return findRecord(this.saved.at(-1)!, LICENSE);
  }

  /** A whole heartbeat with its retries, which takes a minute. */
  async beat(): ReturnType<Lease["beat"]> {
    const verdict = this.lease.beat(forever);
    await this.clock.advance(MINUTE_MS);
    return await verdict;
  }
}

/** The state of an activated machine with so much grace left. */
export function withGrace(seconds: number, exhausted = false): State {
  const state = createState("M");
  return replaceRecord(state, {
    ...findRecord(state, LICENSE),
    activated: true,
    grace_remaining_seconds: seconds,
    grace_exhausted: exhausted,
  });
}
