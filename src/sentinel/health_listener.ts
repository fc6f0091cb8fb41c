import type { HealthEndpoint, HealthReport } from "../daemon/health_endpoint.ts";

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
   * Listens at an address, and no longer at the one before; at none where it is absent.
   *
   * @throws {HealthEndpointError} and then the one before stays.
   */
  async listen(address: string | undefined): Promise<void> {
    if (address === this.#listen) return;
    const before = this.#endpoint;
    this.#endpoint = address === undefined ? undefined : await this.#open(address);
    this.#listen = address;
    await before?.[Symbol.asyncDispose]();
  }

  /** May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.listen(undefined);
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
