import type { Json } from "../../src/signing/canonical_json.ts";
import { sealEnvelope } from "../../src/signing/envelope.ts";
import type { Organization } from "./organization.ts";

/** A request as a test's server sees it. */
export interface SeenRequest {
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, string>;
  readonly rawBody: string;
}

/** A server on a free port of loopback that answers as the test says. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
}

/** @param tls A certificate and its key (PEM), to serve https with. */
export function serveAnswers(
  answer: (request: SeenRequest) => Response | Promise<Response>,
  tls?: { readonly cert: string; readonly key: string },
): TestServer {
  const requests: SeenRequest[] = [];
  const address = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls };
  const server = Deno.serve(address, async (request) => {
    const rawBody = await request.text();
    const { pathname: path } = new URL(request.url);
    const seen = { path, headers: request.headers, body: JSON.parse(rawBody), rawBody };
    requests.push(seen);
    return await answer(seen);
  });
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The payload of an honest answer to this request, with changes. */
export function answerPayload(
  request: SeenRequest,
  changes: Record<string, Json> = {},
): Record<string, Json> {
  return {
    status: "ACTIVE",
    machine_id: request.body["machine_id"]!,
    license_key: request.body["license_key"]!,
    request_nonce: request.headers.get("X-Sentinel-Nonce")!,
    responded_at: new Date().toISOString(),
    ...changes,
  };
}

/** An answer that the organization signed. */
export async function signedAnswer(
  organization: Organization,
  payload: Record<string, Json>,
  status = 200,
): Promise<Response> {
  const error = typeof payload["error"] === "string" ? { error: payload["error"] } : {};
  return Response.json({ ...error, ...await sealEnvelope(payload, organization.sign) }, { status });
}
