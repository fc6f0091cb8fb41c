// Not on Windows: variables there are the same in upper and lower case.
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { findProxy } from "../../src/doctor/proxy.ts";
import { runTool } from "../support/run_tool.ts";

const FIXTURE = fromFileUrl(new URL("../fixtures/fetch_by_proxy.ts", import.meta.url));

/** A domain with a label that is too long for the DNS (RFC 1035, 63 bytes), so that looking it up fails at once. */
const ACME = `${"acme".repeat(16)}.invalid`;

/** Answers each request with its name; has an address as it is written in a URL. */
class NamedServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(readonly name: string) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, () => new Response(name));
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

Deno.test("doctor finds the proxy that the runtime uses", async () => {
  await using first = new NamedServer("first");
  await using second = new NamedServer("second");
  await using direct = new NamedServer("direct");
  const a = first.address, b = second.address;
  const name = `http://licenses.${ACME}/`, ip = `http://${direct.address}/`;
  const v6 = `http://[::1]:${direct.port}/`;
  const cases: [url: string, variables: Record<string, string>][] = [
    [name, {}],
    [ip, {}],
    [name, { HTTP_PROXY: `http://${a}` }],
    [name, { HTTP_PROXY: `HTTP://${a}` }],
    [name, { HTTP_PROXY: `http://user:secret@${a}/path` }],
    [name, { HTTP_PROXY: a }],
    [name, { HTTP_PROXY: `user:secret@${a}` }],
    [name, { HTTP_PROXY: `${a}/` }],
    [name, { HTTP_PROXY: ` ${a} ` }],
    [name, { HTTP_PROXY: "::", http_proxy: b }],
    [name, { http_proxy: a }],
    [name, { HTTP_PROXY: `http://${a}`, http_proxy: `http://${b}` }],
    [name, { HTTP_PROXY: "", http_proxy: b }],
    [name, { HTTPS_PROXY: a }],
    [name, { ALL_PROXY: a, HTTP_PROXY: b }],
    [name, { all_proxy: a, HTTP_PROXY: b }],
    [name, { ALL_PROXY: `socks4://${a}`, HTTP_PROXY: b }],
    [name, { ALL_PROXY: `ftp://${a}`, all_proxy: b }],
    [name, { HTTP_PROXY: a, REQUEST_METHOD: "GET" }],
    [name, { ALL_PROXY: a, REQUEST_METHOD: "GET" }],
    ...[`licenses.${ACME}`, ACME, `.${ACME}`, `.licenses.${ACME}`, "*"]
      .map((entry): [string, Record<string, string>] => [
        name,
        { HTTP_PROXY: a, NO_PROXY: `other.invalid, ${entry}` },
      ]),
    ...[`*.${ACME}`, ACME.slice(2), `LICENSES.${ACME}`, `licenses.${ACME}:80`, ""]
      .map((entry): [string, Record<string, string>] => [name, { HTTP_PROXY: a, NO_PROXY: entry }]),
    [name, { HTTP_PROXY: a, no_proxy: "*" }],
    [name, { HTTP_PROXY: a, NO_PROXY: "", no_proxy: "*" }],
    ...["127.0.0.1", "127.0.0.0/8", "127.0.0.0/33", "127.0.0.0/", "127.", "0.0.1", "*", "::/0"]
      .map((entry): [string, Record<string, string>] => [ip, { HTTP_PROXY: a, NO_PROXY: entry }]),
    ...["::1", "::/8", "fc00::/7", "[::1]", "0:0::1", "::1/128"]
      .map((entry): [string, Record<string, string>] => [v6, { HTTP_PROXY: a, NO_PROXY: entry }]),
  ];
  const answers = await runTool(
    Deno.execPath(),
    ...["run", "--quiet", "--no-config", "--allow-env", "--allow-net", FIXTURE],
    JSON.stringify(cases),
  );
  const servers = [first, second];
  const found = cases.map(([url, variables]) => {
    const proxy = findProxy(new URL(url), (variable) => variables[variable]);
    if (proxy === undefined) return url === ip ? "direct" : "none";
    return servers.find(({ port }) => port === proxy.port)?.name;
  });
  const show = (name: string | undefined, i: number) => `${JSON.stringify(cases[i])}: ${name}`;
  assertEquals(found.map(show), answers.trim().split("\n").map(show));
});

Deno.test("a proxy's default port is its scheme's, and its address has no brackets", () => {
  const found = ["proxy.example", "https://proxy.example", "socks5h://proxy.example", "[::1]:8080"]
    .map((ALL_PROXY) => findProxy(new URL("https://a.example"), (name) => ({ ALL_PROXY })[name]));
  assertEquals(found, [
    { hostname: "proxy.example", port: 80, scheme: "http" },
    { hostname: "proxy.example", port: 443, scheme: "https" },
    { hostname: "proxy.example", port: 1080, scheme: "socks5h" },
    { hostname: "::1", port: 8080, scheme: "http" },
  ]);
});
