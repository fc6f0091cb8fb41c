// Not on Windows: the software is a shell script.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { startServer } from "../support/ipc_server.ts";
import { needsProgram, type Program, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { resultOf } from "../support/program.ts";

const EXAMPLES = fromFileUrl(new URL("../../examples/ipc/", import.meta.url));

/** An example, and the commands that run it; `out` is a file name for what has to be built first. */
interface Example {
  readonly tool: Program;
  commands(out: string): readonly (readonly string[])[];
}

const PROGRAMS: Readonly<Record<string, Example>> = {
  "license.py": { tool: "python3", commands: () => [["python3", "license.py"]] },
  "license.mjs": { tool: "node", commands: () => [["node", "license.mjs"]] },
  "license.go": { tool: "go", commands: () => [["go", "run", "license.go"]] },
  "license.c": {
    tool: "cc",
    commands: (out) => [["cc", "-Wall", "-Wextra", "-Werror", "-o", out, "license.c"], [out]],
  },
  "license.sh": { tool: "socat", commands: () => [["sh", "license.sh"]] },
};

async function run(command: readonly string[], socket: string): Promise<[number, string]> {
  const { code, stdout, stderr } = await resultOf(command[0]!, {
    args: command.slice(1),
    cwd: EXAMPLES,
    env: { SENTINEL_IPC_SOCKET: socket },
  });
  return [code, stdout + stderr];
}

for (const [file, { tool, commands }] of Object.entries(PROGRAMS)) {
  testWith([needsProgram(tool)], `the example ${file} gets the license`, async () => {
    await using running = await startServer();
    await using folder = await temporaryFolder();
    let output = "";
    for (const command of commands(folder.at("example"))) {
      const [code, said] = await run(command, running.path);
      assertEquals(code, 0, said);
      output = said;
    }
    assertStringIncludes(output, "KEY-1");
    assertStringIncludes(output, '"seats"');
  });
}
