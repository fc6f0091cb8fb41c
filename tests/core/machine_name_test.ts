/** Names of machines: what is one, what is made of a host name, and what is taken from a header. */
import { assertEquals } from "@std/assert";
import {
  decodeMachineName,
  encodeMachineName,
  isMachineName,
  toMachineName,
} from "../../src/core/machine_name.ts";

const HOST_NAMES: [what: string, hostName: string, name: string | undefined][] = [
  ["that is printable stays", "web-1.example", "web-1.example"],
  ["loses its control characters", "web\n1\u202e\u001b[31m", "web1[31m"],
  ["is cut to 255 bytes", "n".repeat(300), "n".repeat(255)],
  ["is cut between letters, not within one", "é".repeat(200), "é".repeat(127)],
  ["of control characters alone is none", "\n\u0000", undefined],
  ["that is empty is none", "", undefined],
];

for (const [what, hostName, name] of HOST_NAMES) {
  Deno.test(`a host name ${what}`, () => {
    assertEquals(toMachineName(hostName), name);
  });
}

Deno.test("a name survives its way through the header", () => {
  for (const name of ["web-1", "Prüfstand 7 – 東京", "100 %", "a%0Ab", "é".repeat(127)]) {
    assertEquals([isMachineName(name), decodeMachineName(encodeMachineName(name))], [true, name]);
  }
});

const WRONG_HEADERS: [what: string, header: string][] = [
  ["a line break", "a%0Ab"],
  ["an escape sequence", "%1b%5B31m"],
  ["a change of direction", "%E2%80%AEgnp"],
  ["bytes that are no UTF-8", "%FF%FE"],
  ["a broken escape", "100%"],
  ["nothing but spaces", "%20%20"],
  ["256 bytes", "n".repeat(256)],
  ["256 encoded bytes", "%C3%A9".repeat(128)],
  ["more than any name takes", "%41".repeat(256)],
  ["nothing", ""],
];

for (const [what, header] of WRONG_HEADERS) {
  Deno.test(`a header with ${what} names no machine`, () => {
    assertEquals(decodeMachineName(header), undefined);
  });
}
