import { assertEquals } from "@std/assert";
import { parseProbe } from "../../src/core/health_probe.ts";

const PROBES: [string, ReturnType<typeof parseProbe>][] = [
  ["none", { kind: "none" }],
  ["ipc", { kind: "ipc" }],
  ["tcp:localhost:80", { kind: "tcp", hostname: "localhost", port: 80 }],
  ["tcp:[::1]:80", { kind: "tcp", hostname: "::1", port: 80 }],
  ["http:http://127.0.0.1:8080/up", { kind: "http", url: "http://127.0.0.1:8080/up" }],
  ["exec:/bin/test -f  x", { kind: "exec", command: "/bin/test", args: ["-f", "x"] }],
];

for (const [text, spec] of PROBES) {
  Deno.test(`probe ${text} is valid`, () => assertEquals(parseProbe(text), spec));
}

const NO_PROBES = [
  ...["", "None", "ipc:x"],
  ...["tcp", "tcp:", "tcp:host", "tcp:host:0", "tcp:h:65536", "tcp:::1:80", "tcp:a b:1"],
  ...["http:x", "http:ftp://x"],
  ...["exec:", "exec: ", "exec:a\nb"],
];

for (const text of NO_PROBES) {
  Deno.test(`${JSON.stringify(text)} is not a probe`, () =>
    assertEquals(parseProbe(text), undefined));
}
