// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../support/program.ts";

const USAGE: [string, string[], RegExp][] = [
  ["no certificate", ["client", "list"], /--(?:address|certificate) is required/],
  ["no command", ["client"], /an argument is missing/],
  ["an unknown command", ["client", "lst"], /unknown command: client lst \(did you mean list\?\)/],
  ["no id", ["client", "status"], /client status needs a process id/],
  ["a second id", ["client", "status", "1", "2"], /unexpected argument: 2/],
  ["an operand of list", ["client", "list", "1"], /unexpected argument: 1/],
  ["nothing to start", ["client", "start"], /client start needs a command/],
  [
    "an unknown option",
    ["client", "list", "--jsn"],
    /unknown option: --jsn \(did you mean --json\?\)/,
  ],
  [
    "port 0 of a server that is there",
    ["client", "-a", "::1", "-p", "0", "list"],
    /--port must be a whole number from 1 to 65535/,
  ],
  [
    "a port that is none",
    ["client", "-a", "::1", "-p", "http", "list"],
    /--port must be a whole number from 1 to 65535: current value is http/,
  ],
  [
    "two ways to trust a server",
    [
      ...["client", "-c", "x", "-k", "x", "-a", "::1", "-p", "1", "-C", "x"],
      ...["--trust-on-first-use", "list"],
    ],
    /--trust-on-first-use and --certificate-authority exclude each other/,
  ],
  ["a server without an address", ["server", "-p", "1"], /--certificate is required/],
];

for (const [what, args, message] of USAGE) {
  Deno.test(`${what} is a usage error`, async () => {
    const { code, stdout, stderr } = await runProgram(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
  });
}
