import { assertEquals } from "@std/assert";
import { examineServer } from "../../src/doctor/server.ts";
import type { ServerProbes } from "../../src/doctor/diagnostic.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { makeOrganization } from "../support/organization.ts";

const { verify } = await makeOrganization();

/** The lines on a reachable server with plain HTTP, `CHECK OUTCOME`, and the connections made. */
async function examine(
  { fetch, hasKey = true, variables = {} }: {
    fetch?: ServerProbes["fetch"];
    hasKey?: boolean;
    variables?: Readonly<Record<string, string>>;
  },
): Promise<{ lines: string[]; reached: string[] }> {
  const reached: string[] = [];
  const { diagnostics } = await examineServer({
    license: undefined,
    serverUrl: "http://licenses.acme.example:81",
    verify: hasKey ? verify : undefined,
    machine: undefined,
  }, {
    connectTcp({ hostname, port }) {
      reached.push(`${hostname}:${port}`);
      return Promise.resolve("192.0.2.1:81");
    },
    connectTls: () => Promise.reject(new Error("no TLS is asked for")),
    fetch: fetch ?? (() => Promise.reject(new Deno.errors.ConnectionReset("reset"))),
    newUuid: () => crypto.randomUUID(),
    env: (name) => variables[name],
    onSlow: () => {},
    clock: new FakeClock(),
  });
  return { lines: diagnostics.map(({ check, outcome }) => `${check} ${outcome}`), reached };
}

const REACHED = ["dns ok", "tcp ok", "tls skipped"];

Deno.test("without a key the server is connected to, but gets no request", async () => {
  const { lines } = await examine({ hasKey: false });
  assertEquals(lines, [...REACHED, "http skipped", "signature skipped", "clock skipped"]);
});

Deno.test("if a connection fails there is no answer to examine", async () => {
  const { lines } = await examine({});
  assertEquals(lines, [...REACHED, "http failed", "signature skipped", "clock skipped"]);
});

Deno.test("a server without a time does not fail the clock check", async () => {
  const { lines } = await examine({ fetch: () => Promise.resolve(new Response("{}")) });
  assertEquals(lines, [...REACHED, "http ok", "signature failed", "clock skipped"]);
});

const PROXY = { HTTP_PROXY: "http://proxy.example:3128" };

const HOPS: Readonly<Record<string, [variables: Record<string, string>, hop: string]>> = {
  "a proxy": [PROXY, "proxy.example:3128"],
  "no proxy for its very name": [
    { ...PROXY, NO_PROXY: "other.example, licenses.acme.example" },
    "licenses.acme.example:81",
  ],
  "no proxy for its domain": [{ ...PROXY, no_proxy: ".acme.example" }, "licenses.acme.example:81"],
  "no proxy at all": [{ ...PROXY, NO_PROXY: "*" }, "licenses.acme.example:81"],
  "a proxy, as another name only ends alike": [
    { ...PROXY, NO_PROXY: "me.example" },
    "proxy.example:3128",
  ],
};

for (const [what, [variables, hop]] of Object.entries(HOPS)) {
  Deno.test(`with ${what} the connection goes to ${hop}`, async () => {
    assertEquals((await examine({ hasKey: false, variables })).reached, [hop]);
  });
}
