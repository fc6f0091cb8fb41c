import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import { STREAM_TYPE } from "./frames.ts";
import type { RemoteLimits } from "./wire.ts";
import { createProblem, NOT_FOUND, type Problem } from "./wire.ts";
import type { ProcessView } from "../core/process.ts";
import type { RemoteProcesses } from "./processes.ts";
import { readBody } from "./requests.ts";
import { parseOutputQuery, parseStart, parseStop } from "./requests.ts";
import { FrameMemory, sendOutput, waitForDrain } from "./send_output.ts";
import type { Telemetry } from "./audit.ts";
import { toStatus } from "./wire.ts";

/** An authorized request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The valid id in the path; empty if the path has none. */
  readonly id: string;
  /** The query string without `?`. */
  readonly query: string;
  /** Whether the client may not see the arguments of processes. */
  readonly hidesArguments: boolean;
  /** Called when a stream begins, as its answer may end much later. */
  readonly onStream: () => void;
}

/** Answer to a request; `sent`: the body was already written. */
export type Answer =
  & (
    | { readonly kind: "json"; readonly status: number; readonly body: unknown }
    | { readonly kind: "problem"; readonly problem: Problem }
    | { readonly kind: "sent"; readonly status: number }
  )
  & { readonly audit?: AnswerAudit };

/** Fields that an answer adds to the audit log. */
interface AnswerAudit {
  readonly process?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly outcome?: string;
}

interface ApiOptions {
  readonly processes: RemoteProcesses;
  readonly clock: Clock;
  readonly limits: RemoteLimits;
  readonly telemetry: Telemetry;
}

/** Handlers of the routes; the caller has already checked the role. */
export class Api {
  #running = 0;
  /** Open output streams. */
  #readers = 0;
  readonly #starting = new Set<Promise<unknown>>();

  constructor(readonly options: ApiOptions) {}

  /** Resolves when no start is pending; call after refusing new requests. */
  async started(): Promise<void> {
    while (this.#starting.size > 0) await Promise.allSettled(this.#starting);
  }

  health(): Promise<Answer> {
    return Promise.resolve({ kind: "json", status: 200, body: { status: "ok" } });
  }

  async start({ request }: Exchange): Promise<Answer> {
    const body = await this.#body(request);
    if ("problem" in body) return createRefusal(body.problem);
    const checked = parseStart(body.value);
    if ("problem" in checked) return createRefusal(checked.problem);
    const { limits, processes, telemetry } = this.options;
    const { command, args } = checked.value;
    if (this.#running >= limits.processes) {
      const reason = `too many processes are running (limit: ${limits.processes})`;
      return { ...createRefusal(createProblem(429, reason)), audit: { command, args } };
    }
    this.#running++;
    const starting = processes.start(checked.value);
    this.#starting.add(starting);
    try {
      const outcome = await starting;
      if (outcome.kind === "refused") {
        this.#running--;
        return { ...createRefusal(createProblem(409, outcome.why)), audit: { command, args } };
      }
      const { id } = outcome;
      telemetry.processStarted();
      processes.ended(id).finally(() => this.#running--);
      return {
        kind: "json",
        status: 201,
        body: { id },
        audit: { process: id, command, args, outcome: "started" },
      };
    } catch (error) {
      this.#running--;
      throw error;
    } finally {
      this.#starting.delete(starting);
    }
  }

  /** Writes one element at a time, as their number is unbounded. */
  async list({ response, hidesArguments }: Exchange): Promise<Answer> {
    response.writeHead(200, { "content-type": "application/json" });
    let before = "[";
    for await (const view of this.options.processes.list()) {
      if (response.destroyed) return { kind: "sent", status: 200, audit: {} };
      const status = toStatus(view, { hidesArguments });
      if (!response.write(before + JSON.stringify(status))) await waitForDrain(response);
      before = ",\n";
    }
    response.end(before === "[" ? "[]\n" : "]\n");
    return { kind: "sent", status: 200, audit: {} };
  }

  async status({ id, hidesArguments }: Exchange): Promise<Answer> {
    const view = await this.options.processes.query(id);
    if (view === undefined) return answerNotFound(id);
    return { kind: "json", status: 200, body: toStatus(view, { hidesArguments }), audit: {} };
  }

  async stop({ request, id, hidesArguments }: Exchange): Promise<Answer> {
    const body = await this.#body(request);
    if ("problem" in body) return createRefusal(body.problem);
    const checked = parseStop(body.value);
    if ("problem" in checked) return createRefusal(checked.problem);
    const view: ProcessView | undefined = await this.options.processes.stop(id, checked.value);
    if (view === undefined) return answerNotFound(id);
    return {
      kind: "json",
      status: 200,
      body: toStatus(view, { hidesArguments }),
      audit: { process: id, command: view.command, outcome: view.state },
    };
  }

  async restart({ id }: Exchange): Promise<Answer> {
    const outcome = await this.options.processes.restart(id);
    if (outcome === undefined) return answerNotFound(id);
    if (outcome.kind === "refused") {
      return { ...createRefusal(createProblem(409, outcome.why)), audit: { process: id } };
    }
    return {
      kind: "json",
      status: 201,
      body: { id: outcome.id },
      audit: { process: id, outcome: `restarted as ${outcome.id}` },
    };
  }

  async output(exchange: Exchange): Promise<Answer> {
    const checked = parseOutputQuery(exchange.query);
    if ("problem" in checked) return createRefusal(checked.problem);
    const { limits, telemetry } = this.options;
    if (this.#readers >= limits.readers) {
      return createRefusal(
        createProblem(429, `too many readers of output (limit: ${limits.readers})`),
      );
    }
    this.#readers++;
    telemetry.readers(1);
    try {
      return await this.#stream(exchange, checked.value);
    } finally {
      this.#readers--;
      telemetry.readers(-1);
    }
  }

  async #stream(
    { response, id, hidesArguments, onStream }: Exchange,
    { stream, from, follow }: {
      stream: "stdout" | "stderr" | "both";
      from: number;
      follow: boolean;
    },
  ): Promise<Answer> {
    const { processes, telemetry } = this.options;
    const gone = new AbortController();
    const onClose = () => gone.abort();
    const memory = new FrameMemory();
    response.on("close", onClose);
    try {
      const { signal } = gone;
      const items = await processes.output(id, { from, follow, signal, lendBlock: memory.lend });
      if (items === undefined) return answerNotFound(id);
      response.writeHead(200, { "content-type": STREAM_TYPE });
      response.flushHeaders();
      onStream();
      await sendOutput(items, response, {
        ...{ stream, memory, hidesArguments },
        lastView: () => follow ? processes.ended(id) : processes.query(id),
        onSent: (bytes) => telemetry.outputSent(bytes),
      });
      response.end();
      return { kind: "sent", status: 200 };
    } finally {
      response.off("close", onClose);
    }
  }

  #body(request: IncomingMessage): ReturnType<typeof readBody> {
    const { clock, limits } = this.options;
    return readBody(request, { clock, timeoutMs: limits.bodyMs });
  }
}

function createRefusal(problem: Problem): Answer {
  return { kind: "problem", problem };
}

function answerNotFound(id: string): Answer {
  return { kind: "problem", problem: createProblem(404, NOT_FOUND), audit: { process: id } };
}
