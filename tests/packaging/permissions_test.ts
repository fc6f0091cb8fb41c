import { assertEquals } from "@std/assert";
import {
  formatPermissionFlags,
  type Narrowing,
  narrowPermissions,
  PERMISSION_SETS,
} from "../../src/packaging/compile_program.ts";

const LINUX = "x86_64-unknown-linux-gnu", WINDOWS = "x86_64-pc-windows-msvc";

const CASES: [string, Narrowing, string[]][] = [
  ["nothing is known", { target: WINDOWS }, []],
  ["a server is known elsewhere than on Windows", { target: LINUX, serverUrl: "https://x" }, []],
  [
    "a server is known on Windows",
    { target: WINDOWS, serverUrl: "https://licenses.example/path" },
    ["--allow-net=licenses.example:443,127.0.0.1,[::1],localhost"],
  ],
  [
    "the server speaks http",
    { target: WINDOWS, serverUrl: "http://licenses.example" },
    ["--allow-net=licenses.example:80,127.0.0.1,[::1],localhost"],
  ],
  [
    "the server has a port of its own",
    { target: WINDOWS, serverUrl: "https://[2001:db8::1]:8443" },
    ["--allow-net=[2001:db8::1]:8443,127.0.0.1,[::1],localhost"],
  ],
  [
    "the software is known, with a comma in its path",
    { target: LINUX, softwarePath: "/opt/a,b" },
    ["--allow-run=/opt/a,,b"],
  ],
];

for (const [what, known, narrowed] of CASES) {
  Deno.test(`a customer's program has only the permissions it needs if ${what}`, () => {
    const flags = formatPermissionFlags(narrowPermissions(PERMISSION_SETS.customer, known));
    assertEquals(flags.filter((flag) => flag.includes("=")), narrowed);
    assertEquals(flags.map((flag) => flag.split("=")[0]), [
      ...["--allow-read", "--allow-write", "--allow-env", "--allow-net"],
      ...["--allow-run", "--allow-ffi", "--allow-sys"],
    ]);
  });
}

Deno.test("a kind of which nothing is allowed has no flag", () => {
  assertEquals(formatPermissionFlags({ read: [], write: false, env: true }), ["--allow-env"]);
});
