import type { Host } from "../platform/host.ts";
import type { Platform, ServiceMembership } from "../platform/contract.ts";
import type { Announcement, LifecycleState } from "./lifecycle.ts";

/** What a service manager puts into the environment of those it watches (sd_notify(3), sd_watchdog_enabled(3)). */
interface ServiceVariables {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** Names of these variables; none of them is for the software. */
export const SERVICE_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

interface ServiceManagerOptions extends Pick<Host, "clock" | "pid"> {
  readonly variables: ServiceVariables;
  /** Where it listens on no socket. */
  readonly membership?: ServiceMembership | undefined;
  readonly platform: Pick<Platform, "notifyService">;
}

/** The service manager that started us, or nobody. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  /** Milliseconds within which it wants to hear that we are well; `undefined` where it does not. */
  get watchdogMs(): number | undefined {
    const { variables: { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID }, pid } = this.#options;
    const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
    const ms = /^\d{1,15}$/.test(WATCHDOG_USEC ?? "") ? Number(WATCHDOG_USEC) / 1000 : 0;
    return NOTIFY_SOCKET !== undefined && isForUs && ms > 0 ? ms : undefined;
  }

  /** Tells of a change of state. */
  announce(state: LifecycleState, announcement?: Announcement): void {
    const { membership } = this.#options;
    this.#tell([...(announcement === undefined ? [] : [`${announcement}=1`]), `STATUS=${state}`]);
    if (announcement === "READY") membership?.report("running");
    if (announcement === "STOPPING") membership?.report("stopping");
  }

  /** Says twice within each of its intervals that we are well, unless we are not, until `signal` is aborted. */
  async reassure(isWell: () => boolean, signal: AbortSignal): Promise<void> {
    const { watchdogMs } = this;
    if (watchdogMs === undefined) return;
    while (!signal.aborted) {
      if (isWell()) this.#tell(["WATCHDOG=1"]);
      await this.#options.clock.sleep(watchdogMs / 2, signal);
    }
  }

  #tell(lines: readonly string[]): void {
    const { variables: { NOTIFY_SOCKET: address }, platform } = this.#options;
    if (address !== undefined) platform.notifyService(address, lines.join("\n"));
  }
}
