import { DatabaseSync } from "node:sqlite";
import { parsePayload } from "../../src/license/payload.ts";
import { makeSigner, makeVerifier, type Verify } from "../../src/signing/ecdsa.ts";
import { registerLicense } from "../../src/license_server/issue.ts";
import { createRoutes, type Routes } from "../../src/license_server/routes.ts";
import { openSqliteStore } from "../../src/license_server/sqlite_store.ts";
import type { LicenseStore } from "../../src/license_server/store.ts";
import { FakeClock } from "./fake_clock.ts";
import { RecordingLog } from "./recording_log.ts";
import { resolve } from "../../src/core/paths.ts";
import { temporaryFolder } from "./temporary_folder.ts";
import {
  activateBody,
  heartbeatBody,
  signedBy,
  type TestMachine,
  type WireRequest,
} from "./test_machine.ts";
import { readAnswer, type WireAnswer } from "./wire_answer.ts";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";

/** The address that requests come from (RFC 5737). */
export const CLIENT_ADDRESS = "192.0.2.7";

/** The license server's routes over a real database, without a network, on a fake clock. */
export class LicenseServerFixture implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();

  private constructor(
    readonly path: string,
    readonly verify: Verify,
    public store: LicenseStore,
    private readonly options: {
      sign: ReturnType<typeof makeSigner>;
      remove: () => PromiseLike<void>;
    },
  ) {}

  static async open(): Promise<LicenseServerFixture> {
    const folder = await temporaryFolder();
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
      "sign",
      "verify",
    ]);
    const path = resolve(folder.at("licenses.db"));
    return new LicenseServerFixture(path, makeVerifier(pair.publicKey), await openStore(path), {
      sign: makeSigner(pair.privateKey),
      remove: () => folder[Symbol.asyncDispose](),
    });
  }

  /** Closes the database and opens it again, as a restart of the server does. */
  async restart(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    this.store = await openStore(this.path);
  }

  routes(): Routes {
    const { store, clock, log } = this;
    return createRoutes({ store, clock, log, sign: this.options.sign });
  }

  async register(
    licenseKey: string,
    terms: Record<string, unknown> = {},
    { allowsRelease = true } = {},
  ): Promise<void> {
    await registerLicense(this.store, parsePayload(standardPayload(licenseKey, terms)), {
      atMs: this.clock.wallMs(),
      actor: "test",
      allowsRelease,
    });
  }

  /** Sends a request and reads the answer, which must be signed. */
  async post({ path, headers, body }: WireRequest): Promise<WireAnswer> {
    return await readAnswer(
      await this.send(
        new Request(`http://server${path}`, {
          method: "POST",
          headers,
          body,
        }),
      ),
      this.verify,
    );
  }

  async send(request: Request): Promise<Response> {
    return await sendTo(this.routes(), request);
  }

  /** Signs a request with the current time. */
  sign(
    machine: TestMachine,
    path: string,
    { body, stamp = {} }: Parameters<typeof signedBy>[2],
  ): Promise<WireRequest> {
    const timestamp = String(Math.floor(this.clock.wallMs() / 1000));
    return signedBy(machine, path, { body, stamp: { timestamp, ...stamp } });
  }

  async activate(machine: TestMachine, licenseKey = "K1"): Promise<WireAnswer> {
    const body = activateBody(machine, licenseKey);
    return await this.post(await this.sign(machine, ACTIVATE_PATH, { body }));
  }

  async beat(machine: TestMachine, licenseKey = "K1"): Promise<WireAnswer> {
    const body = heartbeatBody(machine, licenseKey);
    return await this.post(await this.sign(machine, HEARTBEAT_PATH, { body }));
  }

  /** Reads all tables, for comparison. */
  dump(): Record<string, unknown[]> {
    using db = new DatabaseSync(this.path, { readOnly: true });
    return Object.fromEntries(
      ["licenses", "machines", "nonces", "audit"].map((
        table,
      ) => [table, db.prepare(`SELECT * FROM ${table}`).all().map((row) => ({ ...row }))]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.options.remove();
  }
}

/** Sends a request to routes, as from {@linkcode CLIENT_ADDRESS}. */
export async function sendTo(routes: Routes, request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const { status, headers: fields = {}, body } = await routes({
    method,
    path: new URL(url).pathname,
    headers,
    address: CLIENT_ADDRESS,
    readBody: async (maxBytes) => {
      const bytes = new Uint8Array(await request.arrayBuffer());
      return bytes.length > maxBytes ? { kind: "too_large" } : { kind: "read", bytes };
    },
  }, CLIENT_ADDRESS);
  return new Response(body ?? null, { status, headers: fields });
}

export function openStore(path: string): Promise<LicenseStore> {
  return openSqliteStore(path, {
    create: true,
    busyTimeoutMs: 100,
    schedule: (flush) => queueMicrotask(flush),
  });
}

/** A STANDARD license's payload with overrides. */
export function standardPayload(
  licenseKey: string,
  terms: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    v: 1,
    license_key: licenseKey,
    org_id: "acme",
    software_id: "app",
    license_type: "STANDARD",
    issue_date: "2026-01-01",
    expiry_date: "2026-12-31",
    max_machines: 1,
    features: { seats: 5 },
    heartbeat_interval_minutes: 30,
    heartbeat_grace_period_days: 3,
    ...terms,
  };
}
