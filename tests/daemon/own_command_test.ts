import { assertEquals } from "@std/assert";
import { filterEnvironment, parseOwnCommand } from "../../src/daemon/detach.ts";

const FROM_SOURCE = { execPath: "/bin/deno", args: ["run", "x"], isStandalone: false };

const commandOf = (line: readonly string[] | undefined) =>
  parseOwnCommand({ ...FROM_SOURCE, platform: { commandLine: () => line && [...line] } });

Deno.test("parseOwnCommand() returns the command line without our own arguments", () => {
  assertEquals(commandOf(["deno", "run", "-A", "main.ts", "run", "x"]), {
    path: "/bin/deno",
    args: ["run", "-A", "main.ts"],
  });
});

Deno.test("parseOwnCommand() of a compiled program is the program itself", () => {
  const options = {
    ...FROM_SOURCE,
    isStandalone: true,
    platform: { commandLine: () => undefined },
  };
  assertEquals(parseOwnCommand({ ...options, execPath: "/bin/sentinel" }), {
    path: "/bin/sentinel",
    args: [],
  });
});

for (const line of [undefined, [], ["run", "x"]]) {
  Deno.test(`parseOwnCommand() is undefined for the command line ${JSON.stringify(line)}`, () => {
    assertEquals(commandOf(line), undefined);
  });
}

Deno.test("filterEnvironment() removes variables that load code, and keeps the module cache from source", () => {
  const variables = { PATH: "/bin", LD_PRELOAD: "x", NODE_OPTIONS: "x", DENO_DIR: "d", DENO_X: "" };
  assertEquals(filterEnvironment(variables, { isStandalone: true }), { PATH: "/bin" });
  assertEquals(filterEnvironment(variables, { isStandalone: false }), {
    PATH: "/bin",
    DENO_DIR: "d",
  });
});
