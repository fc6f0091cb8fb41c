import type { Host } from "../platform/host.ts";
import { describeError } from "../core/errors.ts";
import type { LocalConn } from "../platform/local_socket.ts";
import type { Deadlined, Deadlines } from "./limits.ts";
import { encodeFrame, FRAME_KIND } from "./framing.ts";
import { Inbox, type InboxStep } from "./inbox.ts";
import { createErrorAnswer, type PreparedAnswer, withId } from "./license_answers.ts";
import type { IpcLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { parseRequest } from "./request.ts";
import type { RequestCache } from "./service.ts";
import { type AdmittedPeer, type IpcService, isPlainMethod } from "./service.ts";

/** Size at which a batch of answers is written even if more requests are buffered. */
const BATCH_BYTES = 65_536;

const MALFORMED = createErrorAnswer("malformed request");
/** Answers to framing errors, after which the connection is closed. */
const FATAL_ANSWERS: Readonly<Record<Exclude<InboxStep, "more" | "message">, PreparedAnswer>> = {
  line_too_long: createErrorAnswer("request exceeds 65536 bytes"),
  payload_too_long: createErrorAnswer("request exceeds 10 MiB"),
  bad_header: createErrorAnswer("malformed frame header"),
};
const TOO_DEEP = createErrorAnswer("request nested too deeply");

export interface ConnectionOptions extends Pick<Host, "clock" | "log"> {
  readonly service: IpcService;
  /** Shared by all connections of a server. */
  readonly cache: RequestCache;
  readonly peer: AdmittedPeer;
  /** Identifies a peer that was unidentified at accept; called when its first bytes arrive, before they are parsed. */
  readonly mayStay?: (() => boolean) | undefined;
  readonly limits: IpcLimits;
  readonly deadlines: Deadlines;
  /** Called when the peer subscribes to events. */
  onWatch(connection: Connection): void;
}

/** An accepted connection; answers requests in order, a batch at a time. */
export class Connection implements Deadlined {
  readonly #conn: LocalConn;
  readonly #options: ConnectionOptions;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  #readDeadlineMs = Infinity;
  #hasSpoken = false;
  /** Whether no further requests are answered. */
  #ending = false;
  #isReading = false;
  /** Start of the incoming message, initially of the connection; undefined between messages. */
  #messageSinceMs: number | undefined;
  #watchId: number | undefined;
  #closed = false;
  #requests = 0;

  constructor(conn: LocalConn, options: ConnectionOptions) {
    this.#conn = conn;
    this.#options = options;
    this.#outbox = new Outbox(conn, {
      clock: options.clock,
      timeoutMs: options.limits.writeTimeoutMs,
      onWait: () => options.deadlines.arm(),
    });
  }

  get peer(): AdmittedPeer {
    return this.#options.peer;
  }

  /** Number of messages received. */
  get requests(): number {
    return this.#requests;
  }

  get deadlineMs(): number {
    return Math.min(this.#readDeadlineMs, this.#outbox.deadlineMs);
  }

  /** Called at the deadline. */
  expire(): void {
    this.close();
  }

  /** Closes the connection, upon which {@linkcode serve} resolves. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  /** Closes the connection after pending answers and events are written. */
  finish(): void {
    this.#ending = true;
    const close = () => this.close();
    if (this.#isReading) this.#outbox.flush().then(close, close);
  }

  /** Serves until the peer closes, times out or breaks the framing, or until {@linkcode close}. Never rejects. */
  async serve(): Promise<void> {
    const { deadlines, log } = this.#options;
    deadlines.add(this);
    try {
      this.#messageSinceMs = this.#options.clock.monotonicMs();
      while (await this.#read()) {
        if (!await this.#answerAll()) break;
      }
      await this.#outbox.flush();
    } catch (error) {
      if (!this.#closed && !isPeerGone(error)) {
        log.error(`ipc connection failed: ${describeError(error)}`);
      }
    } finally {
      deadlines.remove(this);
      this.close();
    }
  }

  /** Queues an event if the peer is subscribed; closes the connection if it does not read. */
  sendEvent(event: PreparedAnswer): void {
    if (this.#closed || this.#watchId === undefined) return;
    const kind = FRAME_KIND.event, requestId = this.#watchId;
    const bytes = this.#inbox.framed
      ? encodeFrame(event.line.subarray(0, -1), { kind, requestId })
      : event.line;
    if (!this.#outbox.offer(bytes)) this.close();
  }

  /** False at the end of the stream and for a rejected peer. */
  async #read(): Promise<boolean> {
    this.#setReadDeadline();
    this.#isReading = true;
    const count = await this.#conn.read(this.#inbox.space());
    this.#isReading = false;
    this.#readDeadlineMs = Infinity;
    if (count !== null) {
      if (!this.#hasSpoken && this.#options.mayStay?.() === false) return false;
      this.#inbox.commit(count);
      if (!this.#hasSpoken) this.#messageSinceMs = undefined;
      this.#hasSpoken = true;
      return true;
    }
    if (this.#inbox.last() === "message") await this.#answerAll("message");
    return false;
  }

  #setReadDeadline(): void {
    const { limits, clock, deadlines } = this.#options;
    const sinceMs = this.#messageSinceMs;
    const timeoutMs = sinceMs === undefined
      ? this.#watchId === undefined ? limits.idleTimeoutMs : 0
      : limits.readTimeoutMs;
    if (timeoutMs === 0) return;
    this.#readDeadlineMs = (sinceMs ?? clock.monotonicMs()) + timeoutMs;
    deadlines.arm();
  }

  /** Answers all complete messages; false if the connection is to be closed. */
  async #answerAll(first?: InboxStep): Promise<boolean> {
    const inbox = this.#inbox;
    const outbox = this.#outbox;
    let step = first ?? inbox.next();
    const completed = step !== "more";
    for (; step === "message" && !this.#ending; step = inbox.next()) {
      const slow = this.#answerOne();
      if (slow !== undefined) await slow;
      if (outbox.batchBytes >= BATCH_BYTES) await outbox.flush();
    }
    if (step !== "more" && step !== "message") this.#endWith(FATAL_ANSWERS[step]);
    if (outbox.batchBytes > 0) await outbox.flush();
    this.#noteMessageStart(completed);
    return !this.#ending;
  }

  /** Answers the inbox's current message; returns a promise if that takes time. */
  #answerOne(): Promise<void> | undefined {
    this.#requests++;
    const { service, cache, peer } = this.#options;
    const { bytes, from, to } = this.#inbox;
    const method = cache.find(bytes, from, to);
    if (method !== undefined) return this.#add(service.answerPlain(method, peer), undefined);
    const message = bytes.subarray(from, to);
    const request = parseRequest(message);
    if (request === "too_deep") return this.#endWith(TOO_DEEP);
    if (request === "malformed") return this.#add(MALFORMED, undefined);
    if (request.isPlain && isPlainMethod(request.method)) cache.keep(message, request.method);
    const slow = this.#add(service.answer(request, peer), request.idJson);
    return request.method === "watch" ? this.#startWatching() : slow;
  }

  /** Adds an answer to the batch; flushes the batch first if the answer is not ready. */
  #add(
    answer: PreparedAnswer | Promise<PreparedAnswer>,
    idJson: string | undefined,
  ): Promise<void> | undefined {
    if (answer instanceof Promise) return this.#addLater(answer, idJson);
    const { line } = idJson === undefined ? answer : withId(answer, idJson);
    const { framed, requestId } = this.#inbox;
    this.#outbox.add(
      framed ? encodeFrame(line.subarray(0, -1), { kind: FRAME_KIND.response, requestId }) : line,
    );
    return undefined;
  }

  async #addLater(answer: Promise<PreparedAnswer>, idJson: string | undefined): Promise<void> {
    await this.#outbox.flush();
    this.#add(await answer, idJson);
  }

  #endWith(answer: PreparedAnswer): undefined {
    this.#add(answer, undefined);
    this.#ending = true;
  }

  /** Subscribes right after the answer, so that no event is missed. */
  #startWatching(): Promise<void> {
    const written = this.#outbox.flush();
    this.#watchId = this.#inbox.requestId;
    this.#options.onWatch(this);
    return written;
  }

  #noteMessageStart(completed: boolean): void {
    if (this.#inbox.isEmpty) this.#messageSinceMs = undefined;
    else if (completed || this.#messageSinceMs === undefined) {
      this.#messageSinceMs = this.#options.clock.monotonicMs();
    }
  }
}

function isPeerGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.NotConnected;
}
