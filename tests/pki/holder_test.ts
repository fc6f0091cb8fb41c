import { assertEquals, assertThrows } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { createClientHolder, createServerHolder } from "../../src/pki/holder.ts";

Deno.test("a server has its name and the others, each once", () => {
  assertEquals(createServerHolder("Localhost", ["127.0.0.1", "localhost", "127.0.0.1"]), {
    kind: "server",
    name: "localhost",
    hosts: [{ type: "dns", value: "localhost" }, { type: "ip", value: "127.0.0.1" }],
  });
});

for (
  const name of ["ops", "Grace Hopper", "日本", "x".repeat(64), "😀".repeat(64), "#41", "a,OU=b"]
) {
  Deno.test(`a client may be named ${name.slice(0, 20)}`, () => {
    assertEquals(createClientHolder(name, "observe").name, name);
  });
}

const UNSEEN = "space at its ends or characters that cannot be seen";
const BAD: readonly [string, string][] = [
  ["", "a certificate's name has 1 to 64 characters: this has 0"],
  ["x".repeat(65), "a certificate's name has 1 to 64 characters: this has 65"],
  [" ops", `a certificate's name has no ${UNSEEN}: " ops"`],
  ["ops\n", `a certificate's name has no ${UNSEEN}: "ops\\n"`],
  ["o\x00ps", `a certificate's name has no ${UNSEEN}: "o\\u0000ps"`],
  ["ops\u202etset", `a certificate's name has no ${UNSEEN}: "ops\u202etset"`],
  ["\ud800", `a certificate's name has no ${UNSEEN}: "\\ud800"`],
];

for (const [name, message] of BAD) {
  Deno.test(`a client may not be named ${JSON.stringify(name.slice(0, 20))}`, () => {
    const error = assertThrows(() => createClientHolder(name, "control"), SentinelError);
    assertEquals([error.code, error.message], ["usage.name", message]);
  });
}

for (const bad of ["", "a b", "10.0.0", "example.com:443"]) {
  Deno.test(`a server may not be named ${JSON.stringify(bad)}`, () => {
    for (
      const make of [
        () => createServerHolder(bad, []),
        () => createServerHolder("localhost", [bad]),
      ]
    ) {
      const error = assertThrows(make, SentinelError);
      assertEquals(error.message, `neither a host name nor an IP address: ${bad}`);
    }
  });
}

Deno.test("a server's name is not longer than a CN may be", () => {
  const long = "x".repeat(40) + "." + "y".repeat(40);
  assertEquals(createServerHolder("localhost", [long]).hosts.length, 2);
  const error = assertThrows(() => createServerHolder(long, []), SentinelError);
  assertEquals(error.code, "usage.name");
});
