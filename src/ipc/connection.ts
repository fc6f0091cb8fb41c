import type { Host } from "../platform/host.ts";
import { describeError } from "../core/errors.ts";
import type { LocalConn } from "../platform/local_socket.ts";
import type { Deadlined, Deadlines } from "./limits.ts";
import { encodeFrame, FRAME_KIND } from "./framing.ts";
import { Inbox, type InboxStep } from "./inbox.ts";
import { errorAnswer, type PreparedAnswer, withId } from "./license_answers.ts";
import type { IpcLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { parseRequest } from "./request.ts";
import type { RequestMemory } from "./service.ts";
import { type AdmittedPeer, type IpcService, isPlainMethod } from "./service.ts";

/** A batch of answers is written when it has so many bytes, though more requests are there. */
const BATCH_BYTES = 65_536;

const MALFORMED = errorAnswer("malformed request");
/** After these the connection is closed. */
const LAST_WORDS: Readonly<Record<Exclude<InboxStep, "more" | "message">, PreparedAnswer>> = {
  line_too_long: errorAnswer("request exceeds 65536 bytes"),
  payload_too_long: errorAnswer("request exceeds 10 MiB"),
  bad_header: errorAnswer("malformed frame header"),
};
const TOO_DEEP = errorAnswer("request nested too deeply");

export interface ConnectionOptions extends Pick<Host, "clock" | "log"> {
  readonly service: IpcService;
  /** Shared by all connections of a server. */
  readonly memory: RequestMemory;
  readonly peer: AdmittedPeer;
  /** Asked when the peer has sent something, before that is looked at, where only then it can be told who it is. */
  readonly mayStay?: (() => boolean) | undefined;
  readonly limits: IpcLimits;
  readonly deadlines: Deadlines;
  /** Called when the peer has asked to be told of events. */
  onWatch(connection: Connection): void;
}

/** One connection, from its acceptance to its end; requests are answered in their order, a batch at a time. */
export class Connection implements Deadlined {
  readonly #conn: LocalConn;
  readonly #options: ConnectionOptions;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  #readDeadlineMs = Infinity;
  #hasSpoken = false;
  /** Whether the answers so far are the last. */
  #ending = false;
  #isReading = false;
  /** When the message that is arriving began, at first when the peer came; undefined between messages. */
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

  /** Messages so far. */
  get requests(): number {
    return this.#requests;
  }

  get deadlineMs(): number {
    return Math.min(this.#readDeadlineMs, this.#outbox.deadlineMs);
  }

  /** The peer took too long. */
  expire(): void {
    this.close();
  }

  /** Ends the connection; {@linkcode serve} resolves soon after. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  /** Ends the connection behind what is under way, answers and events. */
  finish(): void {
    this.#ending = true;
    const close = () => this.close();
    if (this.#isReading) this.#outbox.flush().then(close, close);
  }

  /** Serves until the peer is done, takes too long or breaks the framing, or until {@linkcode close}. Never rejects. */
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

  /** Tells of an event, where the peer watches and has not fallen too far behind. */
  sendEvent(event: PreparedAnswer): void {
    if (this.#closed || this.#watchId === undefined) return;
    const kind = FRAME_KIND.event, requestId = this.#watchId;
    const bytes = this.#inbox.framed
      ? encodeFrame(event.line.subarray(0, -1), { kind, requestId })
      : event.line;
    if (!this.#outbox.offer(bytes)) this.close();
  }

  /** False at the end of the stream, and for a peer that may not stay. */
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

  /** Answers what has arrived whole; false where the connection is to end. */
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
    if (step !== "more" && step !== "message") this.#endWith(LAST_WORDS[step]);
    if (outbox.batchBytes > 0) await outbox.flush();
    this.#noteMessageStart(completed);
    return !this.#ending;
  }

  /** Answers the message that the inbox has found; the result is there where that takes time. */
  #answerOne(): Promise<void> | undefined {
    this.#requests++;
    const { service, memory, peer } = this.#options;
    const { bytes, from, to } = this.#inbox;
    const method = memory.find(bytes, from, to);
    if (method !== undefined) return this.#add(service.answerPlain(method, peer), undefined);
    const message = bytes.subarray(from, to);
    const request = parseRequest(message);
    if (request === "too_deep") return this.#endWith(TOO_DEEP);
    if (request === "malformed") return this.#add(MALFORMED, undefined);
    if (request.isPlain && isPlainMethod(request.method)) memory.keep(message, request.method);
    const slow = this.#add(service.answer(request, peer), request.idJson);
    return request.method === "watch" ? this.#startWatching() : slow;
  }

  /** Adds an answer to the batch; one that is still to come has what is ready written first. */
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

  /** Events follow right behind the answer, so that none is missed. */
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
