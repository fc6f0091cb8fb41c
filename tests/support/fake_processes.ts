import type { ProcessView } from "../../src/core/process.ts";
import type { OutputItem } from "../../src/core/output_item.ts";
import type {
  OutputRequest,
  RemoteProcesses,
  RestartOutcome,
  StartOutcome,
  StartRequest,
  StopRequest,
} from "../../src/remote/processes.ts";

/** Processes that do nothing, and remember what they were asked for. */
export class FakeProcesses implements RemoteProcesses {
  readonly started: StartRequest[] = [];
  readonly stops: [string, StopRequest][] = [];
  readonly views = new Map<string, ProcessView>();
  readonly restarts: string[] = [];
  isClosed = false;
  /** What a restart comes to. */
  restartOutcome: RestartOutcome | undefined;
  /** What the next start comes to. */
  outcome: StartOutcome | undefined;
  /** What `output()` gives. */
  items: (request: OutputRequest) => AsyncIterable<OutputItem> = () => noItems();
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();

  start(request: StartRequest): Promise<StartOutcome> {
    this.started.push(request);
    if (this.outcome !== undefined) return Promise.resolve(this.outcome);
    const id = String(this.views.size + 1);
    this.add({ id, command: request.command, args: request.args });
    return Promise.resolve({ kind: "started", id });
  }

  /** A process that runs. */
  add(view: Partial<ProcessView> & { id: string }): void {
    this.#ends.set(view.id, Promise.withResolvers());
    this.views.set(view.id, {
      command: "x",
      args: [],
      state: "running",
      startedAtMs: 0,
      outputBytes: 0,
      ...view,
    });
  }

  end(id: string, change: Partial<ProcessView>): void {
    this.views.set(id, { ...this.views.get(id)!, endedAtMs: 1000, ...change });
    this.#ends.get(id)?.resolve();
  }

  query(id: string): Promise<ProcessView | undefined> {
    return Promise.resolve(this.views.get(id));
  }

  async *list(): AsyncGenerator<ProcessView> {
    yield* this.views.values();
  }

  stop(id: string, request: StopRequest): Promise<ProcessView | undefined> {
    this.stops.push([id, request]);
    if (this.views.has(id)) this.end(id, { state: "stopped" });
    return this.query(id);
  }

  restart(id: string): Promise<RestartOutcome | undefined> {
    this.restarts.push(id);
    return Promise.resolve(this.restartOutcome);
  }

  async ended(id: string): Promise<ProcessView | undefined> {
    await this.#ends.get(id)?.promise;
    return await this.query(id);
  }

  output(id: string, request: OutputRequest): Promise<AsyncIterable<OutputItem> | undefined> {
    return Promise.resolve(this.views.has(id) ? this.items(request) : undefined);
  }

  close(): Promise<void> {
    this.isClosed = true;
    for (const [id, { state }] of this.views) {
      if (state === "running") this.end(id, { state: "stopped" });
    }
    return Promise.resolve();
  }
}

async function* noItems(): AsyncGenerator<OutputItem> {
  yield { kind: "end", at: 0 };
}
