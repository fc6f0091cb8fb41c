import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { Platform } from "../platform/contract.ts";
import type { DegradeStage, Random } from "./degradation.ts";
import type { LicenseInfo } from "./license_answers.ts";
import type { IpcLimits } from "./limits.ts";
import type { ControlHandler, ControlMethod } from "./service.ts";
import type { SocketClaim } from "./socket_owner.ts";

/** What watchers are told; further fields follow as they are. */
export interface IpcEvent {
  readonly event: "license_changed" | "grace" | "state" | "stopping";
  readonly [field: string]: unknown;
}

export interface IpcServerOptions {
  /** The right to the socket; stays the caller's, who disposes of it after the server. */
  readonly claim: SocketClaim;
  readonly license: LicenseInfo;
  readonly log: Logger;
  /** Whether every process of the user may ask for the licence, or only the software and its descendants. */
  readonly peer?: "user" | "child";
  /** Whether a process is the launched software or a descendant of it; needed with `peer: "child"`. */
  readonly isDescendant?: (pid: number) => boolean | Promise<boolean>;
  /** Whether requests of the software are counted, which costs a look at each new peer; asked for each. */
  readonly followsChildren?: () => boolean;
  /** What `status` answers. */
  readonly status?: () => object;
  readonly control?: Partial<Readonly<Record<ControlMethod, ControlHandler>>>;
  readonly limits?: Partial<IpcLimits>;
  readonly clock?: Clock;
  readonly random: Random;
  readonly platform?: Platform;
}

/** Connections since the start. */
export interface IpcCounters {
  readonly connections_open: number;
  readonly connections_accepted: number;
  readonly connections_refused: number;
}

/** A running server. */
export interface IpcServer extends AsyncDisposable {
  readonly path: string;
  /** From now on the licence methods answer this; watchers are told that it changed. */
  setLicense(info: LicenseInfo): void;
  /** Tells everybody who watches; who does not read falls behind and is cut off. */
  publish(event: IpcEvent): void;
  /** Makes the licence methods' answers worse, or good again by `normal`. Ending the process at `crash` is the caller's. */
  setDegradeStage(stage: DegradeStage): void;
  /** From now on these hold; the times for connections that are made from now on. */
  setLimits(limits: Partial<IpcLimits>): void;
  counters(): IpcCounters;
  /** Whether as many connections are open as may be. */
  readonly isFull: boolean;
  /** Whether the software has asked anything since this was called last; where children are followed. */
  takeChildRequests(): Promise<boolean>;
  /**
   * Stops listening and removes the socket, if it is still ours; lets answers under way be written, for half a second at most,
   * and closes every connection. Resolves when all has ended; may be called twice.
   */
  close(): Promise<void>;
}
