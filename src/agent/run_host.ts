import type { Host } from "../platform/host.ts";
import type { SoftwareRecorder } from "../supervision/child_record.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { ControlHandler, ControlMethod } from "../ipc/service.ts";
import type { Agent } from "./agent.ts";
import type { StopRequest } from "./stop_request.ts";

interface PlainHostOptions extends Pick<Host, "log"> {
  readonly stopRequest: StopRequest;
  /** Whether the terminal that the run was started on is gone. */
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

  /** SIGHUP: with its terminal the run ends, else the license is read again; at the start, once that can be. */
  onHangup(): void {
    const { hasLostTerminal, stopRequest } = this.#options;
    if (hasLostTerminal()) return stopRequest.request("SIGHUP");
    if (this.#agent === undefined) this.#wantsReload = true;
    else void this.#reload(this.#agent);
  }

  async #reload(agent: Agent): Promise<void> {
    const { log } = this.#options;
    try {
      if (!await agent.reloadLicense()) log.info("the license is as it was");
    } catch (error) {
      log.error(`the license stays as it was: ${describeError(error)}`);
    }
  }
}

/** Who hosts a run: `sentinel run`, or the daemon. */
export interface RunHost {
  /** What the socket's control methods do; the agent is there by the time they are called. */
  control(agent: () => Agent): Partial<Record<ControlMethod, ControlHandler>>;
  /** What `status` shows besides the agent's own. */
  status(): object;
  /** Called when the socket listens; no software runs yet. */
  onServing(agent: Agent): void | Promise<void>;
  /** Who records what the software writes; asked for at each launch. */
  readonly recorder?: SoftwareRecorder | undefined;
  /** Called at each launch of the software. */
  onRunning(agent: Agent): void;
  /** Called when the end has begun, before the software is stopped; once. */
  onEnding(): void | Promise<void>;
}
