import { assertEquals } from "@std/assert";
import { type HostName, parseHostName } from "../../src/pki/holder.ts";

const dns = (value: string): HostName => ({ type: "dns", value });
const ip = (value: string): HostName => ({ type: "ip", value });

const CASES: readonly [string, HostName | undefined][] = [
  ["localhost", dns("localhost")],
  ["Build-7.Example.COM", dns("build-7.example.com")],
  ["*.example.com", dns("*.example.com")],
  ["x".repeat(63), dns("x".repeat(63))],
  ["3com.example", dns("3com.example")],
  ["127.0.0.1", ip("127.0.0.1")],
  ["::1", ip("::1")],
  ["2001:DB8:0:0:0:0:0:1", ip("2001:db8::1")],
  ["", undefined],
  [" localhost", undefined],
  ["local host", undefined],
  ["localhost\n", undefined],
  ["localhost.", undefined],
  ["a..b", undefined],
  ["-a.example", undefined],
  ["a_b.example", undefined],
  ["*", undefined],
  ["a.*.example", undefined],
  ["x".repeat(64), undefined],
  [`${"x.".repeat(127)}x`, undefined],
  ["256.0.0.1", undefined],
  ["1.2.3", undefined],
  ["1.2.3.4.", undefined],
  ["01.2.3.4", undefined],
  ["12", undefined],
  ["[::1]", undefined],
  ["fe80::1%eth0", undefined],
  [":::", undefined],
  ["localhost:7443", undefined],
  ["https://localhost", undefined],
  ["münchen.example", undefined],
];

for (const [text, name] of CASES) {
  const shown = JSON.stringify(text.length > 70 ? `${text.slice(0, 10)}…` : text);
  Deno.test(`${shown} is ${name ? `the ${name.type} name ${name.value}` : "no host"}`, () => {
    assertEquals(parseHostName(text), name);
  });
}
