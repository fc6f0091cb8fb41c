import type { HealthEndpoint, HealthReport } from "../daemon/health_endpoint.ts";
import { NO_CHANGE, type PreparedChange } from "./prepared_change.ts";

/** Whose health it tells. */
export interface HealthSource {
  healthReport(): HealthReport;
}

const WELL_STATES = ["running", "reloading"];

/** The health endpoint, which a reload may move. Its code is loaded where there is one. */
export class HealthListener implements AsyncDisposable {
  readonly #source: HealthSource;
  #listen: string | undefined;
  #endpoint: HealthEndpoint | undefined;

  constructor(source: HealthSource) {
    this.#source = source;
  }

  /**
   * Opens an address, at which it listens instead of the one before once that is applied; at none where it is absent.
   *
   * @throws {HealthEndpointError}
   */
  async prepare(address: string | undefined): Promise<PreparedChange> {
    if (address === this.#listen) return NO_CHANGE;
    let opened = address === undefined ? undefined : await this.#open(address);
    return {
      apply: async () => {
        const before = this.#endpoint;
        this.#endpoint = opened;
        this.#listen = address;
        opened = undefined;
        await before?.[Symbol.asyncDispose]();
      },
      [Symbol.asyncDispose]: async () => await opened?.[Symbol.asyncDispose](),
    };
  }

  /** May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.prepare(undefined)).apply();
  }

  async #open(listen: string): Promise<HealthEndpoint> {
    const { openHealthEndpoint } = await import("../daemon/health_endpoint.ts");
    return openHealthEndpoint({
      listen,
      read: () => this.#source.healthReport(),
      isWell: ({ status, state }) => status !== "unhealthy" && WELL_STATES.includes(state),
    });
  }
}
