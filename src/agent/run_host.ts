import type { Host } from "../platform/host.ts";
import type { ChildRecorder } from "../supervision/child_record.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { ControlHandler, ControlMethod } from "../ipc/service.ts";
import type { Agent } from "./agent.ts";
import type { StopRequest } from "./stop_request.ts";

interface PlainHostOptions extends Pick<Host, "log"> {
  readonly stopRequest: StopRequest;
  /** Whether the run has lost its controlling terminal. */
  readonly hasLostTerminal: () => boolean;
}

/** The host of `sentinel run`. */
export class PlainHost implements RunHost {
  readonly #options: PlainHostOptions;
  #agent: Agent | undefined;
  #wantsReload = false;

  constructor(options: PlainHostOptions) {
    this.#options = options;
  }

  control(agent: () => Agent): Partial<Record<ControlMethod, ControlHandler>> {
    return {
      stop: () => this.#options.stopRequest.request("stop over the socket"),
      restart: async () => {
        await agent().supervisor.restart();
        return { pid: agent().supervisor.running?.leader.pid };
      },
      reload: async () => ({ applied: await agent().reloadLicense() ? ["license.path"] : [] }),
      stats: () => agent().stats(),
      debug: () => {
        throw new SentinelError("usage.control", "not supported by sentinel run");
      },
    };
  }

  status(): object {
    return {};
  }

  onServing(agent: Agent): void {
    this.#agent = agent;
    if (this.#wantsReload) void this.#reload(agent);
  }

  onRunning(): void {}

  onEnding(): void {
    this.#agent = undefined;
  }

  /** SIGHUP: ends the run if its terminal is closed, otherwise reloads the license as soon as the socket is open. */
  onHangup(): void {
    const { hasLostTerminal, stopRequest } = this.#options;
    if (hasLostTerminal()) return stopRequest.request("SIGHUP");
    if (this.#agent === undefined) this.#wantsReload = true;
    else void this.#reload(this.#agent);
  }

  async #reload(agent: Agent): Promise<void> {
    const { log } = this.#options;
    try {
      if (!await agent.reloadLicense()) log.info("the license has not changed");
    } catch (error) {
      log.error(`cannot reload the license: ${describeError(error)}`);
    }
  }
}

/** The host of a run: `sentinel run` or the daemon. */
export interface RunHost {
  /** Handlers of the socket's control methods; `agent` may be called only when one of them runs. */
  control(agent: () => Agent): Partial<Record<ControlMethod, ControlHandler>>;
  /** The host's fields in the answer to `status`. */
  status(): object;
  /** Called when the socket is open, before the first launch. */
  onServing(agent: Agent): void | Promise<void>;
  /** Records the child's output; read at each launch. */
  readonly recorder?: ChildRecorder | undefined;
  /** Called after each launch. */
  onRunning(agent: Agent): void;
  /** Called once, before the child is stopped for good. */
  onEnding(): void | Promise<void>;
}
