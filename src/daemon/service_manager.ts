import type { Host } from "../platform/host.ts";
import type { Platform, ServiceMembership } from "../platform/contract.ts";
import type { Announcement, LifecycleState } from "./lifecycle.ts";

/** Variables that a service manager sets (sd_notify(3), sd_watchdog_enabled(3)). */
interface ServiceVariables {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** Removed from the software's environment. */
export const SERVICE_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** Added to a wait: longer than a start's requests to the license server may take. */
const START_MS = 120_000;

interface ServiceManagerOptions extends Pick<Host, "clock" | "pid"> {
  readonly variables: ServiceVariables;
  /** For a service manager without a notification socket (Windows). */
  readonly membership?: ServiceMembership | undefined;
  readonly platform: Pick<Platform, "notifyService">;
}

/** The service manager that started the daemon, if any. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  /** The watchdog's interval; `undefined` if it is off. */
  get watchdogMs(): number | undefined {
    const { variables: { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID }, pid } = this.#options;
    const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
    const ms = /^\d{1,15}$/.test(WATCHDOG_USEC ?? "") ? Number(WATCHDOG_USEC) / 1000 : 0;
    return NOTIFY_SOCKET !== undefined && isForUs && ms > 0 ? ms : undefined;
  }

  announce(state: LifecycleState, announcement?: Announcement): void {
    const { membership } = this.#options;
    this.#notify([...(announcement === undefined ? [] : [`${announcement}=1`]), `STATUS=${state}`]);
    if (announcement === "READY") membership?.report("running");
    if (announcement === "STOPPING") membership?.report("stopping");
  }

  /** A start waits this long before it goes on (sd_notify(3), EXTEND_TIMEOUT_USEC). */
  announceWait(text: string, ms: number): void {
    this.#notify([`EXTEND_TIMEOUT_USEC=${(ms + START_MS) * 1000}`, `STATUS=${text}`]);
    // Windows stops no service whose start is pending
    this.#options.membership?.report("running");
  }

  /** Pings the watchdog twice per interval while the daemon is healthy, until `signal` is aborted. */
  async pingWatchdog(isHealthy: () => boolean, signal: AbortSignal): Promise<void> {
    const { watchdogMs } = this;
    if (watchdogMs === undefined) return;
    while (!signal.aborted) {
      if (isHealthy()) this.#notify(["WATCHDOG=1"]);
      await this.#options.clock.sleep(watchdogMs / 2, signal);
    }
  }

  #notify(lines: readonly string[]): void {
    const { variables: { NOTIFY_SOCKET: address }, platform } = this.#options;
    if (address !== undefined) platform.notifyService(address, lines.join("\n"));
  }
}
