import type { ServerAnswer } from "../../src/activation/answer.ts";
import { LicenseServerClient } from "../../src/activation/client.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import { answerPayload, type SeenRequest, serveAnswers, signedAnswer } from "./license_server.ts";
import { makeOrganization } from "./organization.ts";

/** Signs the answers. */
export const organization = await makeOrganization();
/** Signs the requests. */
export const machine = await makeOrganization();
export const MACHINE_ID = "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11";

/** The answer to one heartbeat of {@linkcode MACHINE_ID}. */
export async function ask(
  url: string,
  {
    lastRespondedAtMs = 0,
    clock = systemClock,
    signal = new AbortController().signal,
    nonce,
  }: {
    lastRespondedAtMs?: number;
    nonce?: string;
    clock?: Clock;
    signal?: AbortSignal;
  } = {},
): Promise<ServerAnswer> {
  const client = new LicenseServerClient({
    serverUrl: url,
    sign: machine.sign,
    verify: organization.verify,
    clock,
    fetch,
    newUuid: () => crypto.randomUUID(),
  });
  return await client.heartbeat(
    { license_key: "K", machine_id: MACHINE_ID, software_version: "1" },
    { lastRespondedAtMs, signal, ...(nonce !== undefined && { nonce }) },
  );
}

/** The same from a server that answers as the test says. */
export async function askFor(
  answer: (request: SeenRequest) => Response | Promise<Response>,
): Promise<ServerAnswer> {
  await using server = serveAnswers(answer);
  return await ask(server.url);
}

/** Answers with the honest payload, with changes, signed. */
export function signed(
  changes: Record<string, Json> = {},
  status = 200,
): (request: SeenRequest) => Promise<Response> {
  return (request: SeenRequest) =>
    signedAnswer(organization, answerPayload(request, changes), status);
}
