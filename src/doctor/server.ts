import { describeHop, type ServerAnswer } from "../activation/answer.ts";
import { describeConnectionFault, LicenseServerClient } from "../activation/client.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../activation/messages.ts";
import { type Clock, withDeadline } from "../core/clock.ts";
import { VERSION } from "../core/build_info.ts";
import type { License } from "../license/payload.ts";
import { generateKeyPairDer, importPrivateKey, makeSigner, type Verify } from "../signing/ecdsa.ts";
import { isActivated } from "./activation.ts";
import { findProxy, type ProxyHop, removeBrackets } from "./proxy.ts";
import {
  type CheckName,
  type Diagnostic,
  fail,
  type KnownMachine,
  pass,
  type ServerProbes,
  skip,
} from "./diagnostic.ts";

interface ServerToExamine {
  readonly license: License | undefined;
  readonly serverUrl: string | undefined;
  readonly verify: Verify | undefined;
  /** Asks as this machine if it is activated, else as one that does not exist. */
  readonly machine: KnownMachine | undefined;
}

/** The diagnostics of the server, and its answer to a heartbeat. */
interface ServerExamination {
  readonly diagnostics: readonly Diagnostic[];
  readonly answer?: ServerAnswer;
}

const LINES: readonly CheckName[] = ["dns", "tcp", "tls", "http", "signature", "clock"];

/** Timeout of the name lookup and connection, and of the handshake. */
const CONNECT_TIMEOUT_MS = 10_000;

const UNVERIFIED = "unverified answer";

/** Checks name, connection, handshake, HTTP, signature and clock; a failure of the connection skips the rest. */
export async function examineServer(
  { license, serverUrl, verify, machine }: ServerToExamine,
  deps: ServerProbes & { clock: Clock },
): Promise<ServerExamination> {
  const skipFrom = (from: CheckName, why: string) =>
    LINES.slice(LINES.indexOf(from)).map((line) => skip(line, why));
  if (license?.license_type === "HARDWARE_BOUND") {
    return { diagnostics: skipFrom("dns", "a hardware-bound license needs no server") };
  }
  const url = URL.parse(serverUrl ?? "");
  if (url === null) return { diagnostics: skipFrom("dns", "no license server is named") };
  const diagnostics = await examineConnection(url, deps);
  const broken = diagnostics.find(({ outcome }) => outcome === "failed");
  if (broken !== undefined) {
    const rest = LINES.slice(diagnostics.length)
      .map((line) => skip(line, `${broken.check} failed`));
    return { diagnostics: [...diagnostics, ...rest] };
  }
  if (verify === undefined) {
    const unverified = skipFrom("http", "an answer cannot be verified without the key");
    return { diagnostics: [...diagnostics, ...unverified] };
  }
  const asked = await examineAnswers(url, { license, verify, machine }, deps);
  return { ...asked, diagnostics: [...diagnostics, ...asked.diagnostics] };
}

function describeServer({ hostname, port, protocol }: URL): ProxyHop {
  const scheme = protocol.slice(0, -1);
  const defaultPort = scheme === "https" ? 443 : 80;
  return { hostname: removeBrackets(hostname), port: Number(port || defaultPort), scheme };
}

async function examineConnection(
  url: URL,
  deps: ServerProbes & { clock: Clock },
): Promise<Diagnostic[]> {
  const proxy = findProxy(url, deps.env);
  const hop = proxy ?? describeServer(url);
  const isTls = hop.scheme === "https";
  const target = { hostname: hop.hostname, port: hop.port };
  const via = proxy === undefined ? "" : "proxy ";
  const reached = await attempt(deps.connectTcp(target), deps.clock);
  if ("fault" in reached && reached.fault === "DNS") {
    return [fail("dns", `${via}${target.hostname} cannot be resolved`, {
      advice: "check the server's name, the network and this machine's name server",
      code: "absent.server",
    })];
  }
  const dns = pass("dns", `${via}${target.hostname} resolved`);
  const place = `${via}${target.hostname}:${target.port}`;
  if ("fault" in reached) {
    return [
      dns,
      fail("tcp", `${place} cannot be reached (${reached.fault})`, {
        advice: "check the network, a firewall, and that the server runs",
        code: "absent.server",
      }),
    ];
  }
  const tcp = pass("tcp", `connected to ${via}${reached.value}`);
  if (!isTls) return [dns, tcp, skip("tls", `${hop.scheme} has none`)];
  const secured = await attempt(deps.connectTls(target), deps.clock);
  if ("value" in secured) {
    return [dns, tcp, pass("tls", `certificate of ${target.hostname} is trusted`)];
  }
  return [
    dns,
    tcp,
    fail("tls", `${place}: handshake failed (${secured.fault})`, {
      advice:
        "trust its authority with --ca-file (a proxy in between may present its own certificate), or ask the vendor",
      code: "absent.server",
    }),
  ];
}

/**
 * Sends one signed heartbeat: of this machine, or of one that does not exist, which a genuine server refuses with a
 * signature.
 */
async function examineAnswers(
  url: URL,
  { license, verify, machine }: Pick<ServerToExamine, "license" | "machine"> & { verify: Verify },
  { clock, fetch, newUuid, onSlow }: ServerProbes & { clock: Clock },
): Promise<ServerExamination> {
  const asked = isActivated(machine) ? machine! : await inventMachine(newUuid);
  let response: Response | undefined;
  const client = new LicenseServerClient({
    serverUrl: url.href,
    sign: asked.sign,
    verify,
    clock,
    fetch: async (...request) => response = await fetch(...request),
    newUuid,
  });
  const answer = await client.heartbeat({
    license_key: license?.license_key ?? "doctor",
    machine_id: asked.machineId,
    software_version: VERSION,
  }, { lastRespondedAtMs: asked.lastRespondedAtMs, signal: new AbortController().signal, onSlow });
  const http = examineHttp(answer, response);
  if (response === undefined) {
    return {
      diagnostics: [http, skip("signature", "http failed"), skip("clock", "http failed")],
    };
  }
  const diagnostics = [
    http,
    examineSignature(answer),
    examineClock(response, clock.wallMs()),
  ];
  return { diagnostics, answer };
}

async function inventMachine(
  newUuid: () => string,
): Promise<Pick<KnownMachine, "machineId" | "sign" | "lastRespondedAtMs">> {
  const key = await generateKeyPairDer();
  const privateKey = await importPrivateKey(key.privateKey);
  key.privateKey.fill(0);
  return { machineId: newUuid(), sign: makeSigner(privateKey!), lastRespondedAtMs: 0 };
}

function examineHttp(answer: ServerAnswer, response: Response | undefined): Diagnostic {
  if (response !== undefined) {
    const { status } = response;
    const hop = describeHop({ status, location: response.headers.get("location") ?? undefined });
    if (hop !== "") {
      return fail("http", `HTTP ${status}${hop}`, {
        advice: status === 407
          ? "put the proxy's user and password into HTTPS_PROXY or HTTP_PROXY, or bypass it by NO_PROXY"
          : "log in to the network with a browser, or check the server's URL",
        code: "absent.server",
      });
    }
    if (status < 500) return pass("http", `the server answers (HTTP ${status})`);
  }
  const why = response === undefined && answer.kind === "unreachable"
    ? answer.why
    : `HTTP ${response?.status}`;
  return fail("http", `no usable answer: ${why}`, {
    advice: "the server or a proxy in front of it does not work: ask the vendor",
    code: "absent.server",
  });
}

function examineSignature(answer: ServerAnswer): Diagnostic {
  if (answer.kind === "verified" || answer.kind === "refused") {
    return pass("signature", "the organization signed its answer");
  }
  const why = answer.kind === "unreachable"
    ? answer.why.replace(`${UNVERIFIED}: `, "")
    : "refusal without signature";
  return fail("signature", `the answer is not signed by the organization: ${why}`, {
    advice:
      "a proxy in between may have answered; otherwise ask the vendor if this is the license's server " +
      "and if it signs refusals",
    code: "absent.signature",
  });
}

function examineClock(response: Response, wallMs: number): Diagnostic {
  const serverMs = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(serverMs)) return skip("clock", "the server does not tell its time");
  const seconds = Math.round((wallMs - serverMs) / 1000);
  const distance = `${Math.abs(seconds)} seconds ${
    seconds < 0 ? "behind" : "ahead of"
  } the server's`;
  if (Math.abs(seconds) <= MAX_CLOCK_SKEW_SECONDS) return pass("clock", distance);
  return fail("clock", `this machine's clock is ${distance}`, {
    advice:
      `set it: more than ${MAX_CLOCK_SKEW_SECONDS} seconds make the server refuse every request`,
    code: "config.clock",
  });
}

async function attempt(
  connecting: Promise<string>,
  clock: Clock,
): Promise<{ value: string } | { fault: string }> {
  const late = () => ({ fault: "timed out" });
  try {
    const reached = connecting.then((value) => ({ value }));
    return await withDeadline(reached, { clock, ms: CONNECT_TIMEOUT_MS, late });
  } catch (error) {
    return { fault: describeConnectionFault(error) };
  }
}
