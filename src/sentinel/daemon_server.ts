import type { Config } from "../config/schema.ts";
import type { SoftwareRecorder } from "./software_recorder.ts";
import type { Supervisor } from "./supervisor.ts";

/** What a daemon serves to operators from afar. */
export interface DaemonServer extends AsyncDisposable {
  /** Where it listens, such as `https://127.0.0.1:7443`. */
  readonly url: string;
  /** Has the software appear among what is served. */
  readonly recorder: SoftwareRecorder;
  /**
   * Reads certificates, as at the start.
   *
   * @returns What has new connections judged by them.
   * @throws {SentinelError} `config.tls`.
   */
  prepare(config: Config): Promise<() => void>;
  /** Lets nobody in any more and stops what runs, but for the software, whose end it waits for. May be called twice. */
  close(): Promise<void>;
}

/** What operators may do with the software. */
export type SoftwareControl = Pick<Supervisor, "hold" | "restart">;

/** Starts serving, and throws {SentinelError} where that is not possible. */
export type OpenDaemonServer = (config: Config, software: SoftwareControl) => Promise<DaemonServer>;
