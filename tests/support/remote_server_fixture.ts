import { systemClock } from "../../src/core/clock.ts";
import { createClientVerifier } from "../../src/pki/verify_client.ts";
import type { AuditEntry } from "../../src/remote/audit.ts";
import { identifyBy } from "../../src/remote/tls_session.ts";
import type { RemoteProcesses } from "../../src/remote/processes.ts";
import {
  type RemoteServer,
  type RemoteServerOptions,
  startRemoteServer,
  type Trust,
} from "../../src/remote/server.ts";
import { RecordingLog } from "./recording_log.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";
import { type CertificateFiles, TestAuthority } from "./test_authority.ts";

/** A remote server in this process with its own CA; the test provides its processes. */
export class RemoteServerFixture implements AsyncDisposable {
  readonly log = new RecordingLog();
  readonly audited: AuditEntry[] = [];
  #audited = Promise.withResolvers<void>();

  private constructor(
    readonly folder: TemporaryFolder,
    readonly authority: TestAuthority,
    readonly files: {
      readonly server: CertificateFiles;
      readonly control: CertificateFiles;
      readonly observe: CertificateFiles;
    },
  ) {}

  /** Certificates for a server and two clients; no server yet. */
  static async open(): Promise<RemoteServerFixture> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const authority = await TestAuthority.create(folder.at("ca"));
    const files = {
      server: await authority.server(),
      control: await authority.client("ops", "control"),
      observe: await authority.client("watch", "observe"),
    };
    stack.move();
    return new RemoteServerFixture(folder, authority, files);
  }

  /** The server's TLS settings and client verifier. */
  async trust(list?: string): Promise<Trust> {
    const { server } = this.files;
    const certificateAuthority = await Deno.readTextFile(this.authority.certificate);
    const revocationList = list === undefined ? undefined : await Deno.readTextFile(list);
    const verify = await createClientVerifier({
      certificateAuthority,
      revocationList,
      nowMs: systemClock.wallMs,
    });
    return {
      tls: {
        certificate: await Deno.readTextFile(server.certificate),
        key: await Deno.readTextFile(server.key),
        certificateAuthority,
      },
      identify: identifyBy(verify),
    };
  }

  async serve(
    processes: RemoteProcesses,
    options: Partial<RemoteServerOptions> = {},
  ): Promise<ServedRemote> {
    const server = await startRemoteServer({
      ...await this.trust(),
      address: "127.0.0.1",
      port: 0,
      processes,
      clock: systemClock,
      log: this.log,
      audit: (entry) => {
        this.audited.push(entry);
        this.#audited.resolve();
        this.#audited = Promise.withResolvers();
      },
      ...options,
    });
    return new ServedRemote(this, server);
  }

  /** The first entry, now or later, whose outcome matches. */
  async audit(outcome: RegExp): Promise<AuditEntry> {
    for (;;) {
      const found = this.audited.find((entry) => outcome.test(entry.outcome));
      if (found !== undefined) return found;
      await this.#audited.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}

export interface PlainAnswer {
  readonly status: number;
  readonly type: string | null;
  // deno-lint-ignore no-explicit-any -- whatever the server says, for the test to compare
  readonly body: any;
}

/** A listening {@linkcode RemoteServerFixture}. */
export class ServedRemote implements AsyncDisposable {
  readonly #clients: Deno.HttpClient[] = [];

  constructor(readonly fixture: RemoteServerFixture, readonly server: RemoteServer) {}

  get port(): number {
    return Number(new URL(this.server.url).port);
  }

  /** A client for `fetch`; disposal closes it. */
  async client(files: CertificateFiles): Promise<Deno.HttpClient> {
    const client = Deno.createHttpClient({
      caCerts: [await Deno.readTextFile(this.fixture.authority.certificate)],
      poolMaxIdlePerHost: 0,
      cert: await Deno.readTextFile(files.certificate),
      key: await Deno.readTextFile(files.key),
    });
    this.#clients.push(client);
    return client;
  }

  /** Sends a request, as `control` by default. */
  async ask(
    path: string,
    { files = this.fixture.files.control, ...init }: RequestInit & { files?: CertificateFiles } =
      {},
  ): Promise<PlainAnswer> {
    const response = await this.fetch(path, { ...init, files });
    const text = await response.text();
    const type = response.headers.get("content-type");
    return {
      status: response.status,
      type,
      body: type?.includes("json") ? JSON.parse(text) : text,
    };
  }

  async fetch(
    path: string,
    { files = this.fixture.files.control, ...init }: RequestInit & { files?: CertificateFiles } =
      {},
  ): Promise<Response> {
    const client = await this.client(files);
    return await fetch(this.server.url + path, { ...init, client } as RequestInit);
  }

  /** Opens a raw TLS connection, as `control` by default (null: without certificate); the caller closes it. */
  async connect(
    files: CertificateFiles | null = this.fixture.files.control,
  ): Promise<RawConnection> {
    const conn = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: this.port,
      caCerts: [await Deno.readTextFile(this.fixture.authority.certificate)],
      ...(files && {
        cert: await Deno.readTextFile(files.certificate),
        key: await Deno.readTextFile(files.key),
      }),
    });
    await conn.handshake();
    return new RawConnection(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    for (const client of this.#clients) client.close();
  }
}

/** A raw connection. */
export class RawConnection implements Disposable {
  #isOpen = true;

  constructor(readonly conn: Deno.Conn) {}

  async send(text: string): Promise<void> {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await this.conn.write(rest));
  }

  /** Reads until the pattern matches, or to the end. */
  async read(until = /(?!)/): Promise<string> {
    const utf8 = new TextDecoder();
    const buffer = new Uint8Array(16_384);
    let text = "";
    while (!until.test(text)) {
      const count = await this.conn.read(buffer).catch(() => null);
      if (count === null) break;
      text += utf8.decode(buffer.subarray(0, count), { stream: true });
    }
    return text;
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.conn.close();
    this.#isOpen = false;
  }
}
