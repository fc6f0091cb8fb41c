import { assertEquals } from "@std/assert";
import { ownCommand, ownEnvironment } from "../../src/daemon/detach.ts";

const FROM_SOURCE = { execPath: "/bin/deno", args: ["run", "x"], isStandalone: false };

const commandOf = (line: readonly string[] | undefined) =>
  ownCommand({ ...FROM_SOURCE, platform: { commandLine: () => line && [...line] } });

Deno.test("ownCommand() is the command line without our own arguments", () => {
  assertEquals(commandOf(["deno", "run", "-A", "main.ts", "run", "x"]), {
    path: "/bin/deno",
    args: ["run", "-A", "main.ts"],
  });
});

Deno.test("ownCommand() is we ourselves where we are compiled", () => {
  const options = {
    ...FROM_SOURCE,
    isStandalone: true,
    platform: { commandLine: () => undefined },
  };
  assertEquals(ownCommand({ ...options, execPath: "/bin/sentinel" }), {
    path: "/bin/sentinel",
    args: [],
  });
});

for (const line of [undefined, [], ["run", "x"]]) {
  Deno.test(`ownCommand() is not known where the system says ${JSON.stringify(line)}`, () => {
    assertEquals(commandOf(line), undefined);
  });
}

Deno.test("ownEnvironment() leaves out what loads code, and knows where modules are from source", () => {
  const variables = { PATH: "/bin", LD_PRELOAD: "x", NODE_OPTIONS: "x", DENO_DIR: "d", DENO_X: "" };
  assertEquals(ownEnvironment(variables, { isStandalone: true }), { PATH: "/bin" });
  assertEquals(ownEnvironment(variables, { isStandalone: false }), { PATH: "/bin", DENO_DIR: "d" });
});
