// Not on Windows: it starts POSIX programs.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ProcessControl } from "../../src/platform/process_contract.ts";
import { launch, type LaunchOptions } from "../../src/process/launch.ts";
import { LaunchError } from "../../src/process/executable.ts";
import { launchLimited } from "../../src/process/launch.ts";
import { processControl } from "../support/launched_shell.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";
import { runProgram } from "../support/program.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** What a program writes to its standard output, under `launch`. */
async function outputOf(options: Partial<LaunchOptions> & { script: string }): Promise<string> {
  const { script, args = [], ...rest } = options;
  const child = await launch({
    path: "/bin/sh",
    args: ["-c", script, "sh", ...args],
    env: {},
    output: "pipe",
    ...rest,
  });
  const [out] = await Promise.all([
    new Response(child.output!.stdout).text(),
    child.output!.stderr.cancel(),
    child.exited,
  ]);
  return out;
}

Deno.test("launch() passes arguments unchanged", async () => {
  const args = ["", "a b", "$HOME", "`id`", "'", "\\", "*", "ä", "--", Deno.execPath()];
  const out = await outputOf({ script: `printf '%s\\n' "$@"`, args });
  assertEquals(out, args.join("\n") + "\n");
});

Deno.test("launch() creates a session and a process group", async () => {
  const [pid, session, group] = (await outputOf({
    script: `set -- $(cat /proc/$$/stat); echo $$ $6 $5`,
  })).trim().split(" ");
  assertEquals([session, group], [pid, pid]);
});

Deno.test("launch() adds to the inherited environment", async () => {
  const script = 'echo "${PATH:+path} $OWN $SENTINEL_PROCESS"';
  assertEquals(await outputOf({ script, env: { OWN: "x" }, launchToken: "m1" }), "path x m1\n");
});

Deno.test("launch() starts in the given folder", async () => {
  assertEquals(await outputOf({ script: "pwd", cwd: "/usr" }), "/usr\n");
});

Deno.test("launch() distinguishes an exit status from a signal", async () => {
  const status = async (script: string) => {
    const child = await launch({ path: "/bin/sh", args: ["-c", script], env: {} });
    return await child.exited;
  };
  assertEquals(await status("exit 137"), { code: 137, signal: undefined });
  assertEquals(await status("kill -KILL $$"), { code: 137, signal: "SIGKILL" });
});

/** An ELF header (elf(5)) for EM_S390, which is big-endian. */
function foreignProgram(): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 2, 1]);
  header.set([0, 2, 0, 22], 16);
  return header;
}

interface Refusal {
  readonly what: string;
  readonly code: string;
  readonly message: string;
  readonly content?: Uint8Array<ArrayBuffer> | string;
  readonly mode?: number;
}

const REFUSALS: Refusal[] = [
  { what: "is not there", code: "not_found", message: "software not found: PATH" },
  {
    what: "is a folder",
    code: "not_a_file",
    message: "software is not a file: PATH",
  },
  {
    what: "is not executable",
    code: "not_executable",
    message: "software is not executable: PATH (chmod +x it)",
    content: "#!/bin/sh\n",
    mode: 0o644,
  },
  {
    what: "is for another architecture",
    code: "wrong_architecture",
    message:
      `software is for another architecture: PATH (ELF machine 22, this is ${Deno.build.arch})`,
    content: foreignProgram(),
  },
  {
    what: "has no format, so that no shell guesses",
    code: "wrong_format",
    message:
      "software has no known format: PATH (neither an ELF program nor a script that begins with #!)",
    content: "echo hello\n",
  },
  {
    what: "is empty",
    code: "wrong_format",
    message:
      "software has no known format: PATH (neither an ELF program nor a script that begins with #!)",
    content: "",
  },
  {
    what: "begins like a program and is none, so that no shell guesses",
    code: "wrong_format",
    message: "software has no known format: PATH (its ELF header is cut off)",
    content: "\x7fELF\necho hello\n",
  },
  {
    what: "is a script that names no interpreter, so that no shell guesses",
    code: "wrong_format",
    message: "software has no known format: PATH (its #! names no interpreter)",
    content: "#!\necho hello\n",
  },
  {
    what: "is a script whose interpreter is not there",
    code: "not_found",
    message: "software not found: PATH (interpreter /nowhere/sh not found)",
    content: "#! /nowhere/sh -e\n",
  },
];

for (const { what, code, message, content, mode = 0o755 } of REFUSALS) {
  Deno.test(`launch() refuses software that ${what}`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("software");
    if (what === "is a folder") await Deno.mkdir(path);
    if (typeof content === "string") await Deno.writeTextFile(path, content, { mode });
    else if (content !== undefined) await Deno.writeFile(path, content, { mode });
    const error = await assertRejects(() => launch({ path, args: [], env: {} }), LaunchError);
    assertEquals(error.code, `software.${code}`);
    assertEquals(error.message, message.replace("PATH", path));
  });
}

Deno.test("launch() says why software cannot be examined", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("software");
  await Deno.symlink(path, path);
  const error = await assertRejects(() => launch({ path, args: [], env: {} }), LaunchError);
  assertEquals(error.code, "software.failed");
  assertStringIncludes(error.message, `software cannot be launched: ${path} (Too many levels of `);
});

Deno.test("launch() says that the working folder is missing", async () => {
  const error = await assertRejects(
    () => launch({ path: "/bin/true", args: [], env: {}, cwd: "/nowhere" }),
    LaunchError,
  );
  assertEquals(error.code, "software.working_folder");
  assertEquals(error.message, "working folder not found: /nowhere");
});

testWith([NEEDS_ROOT], "launch() says that the process limit is reached", async () => {
  const { stdout } = await runProgram([], {
    fixture: "launch_without_processes.ts",
    // that user may not enter the folder that the tests run in
    cwd: "/",
  });
  assertEquals(stdout.split("\n"), [
    "0",
    "software.out_of_processes: software cannot be launched: /bin/true (no more processes allowed)",
    "",
  ]);
});

testWith(
  [needsProgram("mkfifo")],
  "launchLimited() limits only the child",
  async () => {
    await using folder = await temporaryFolder();
    const limited = folder.at("limited");
    await runTool("mkfifo", limited);
    const ours = () => runTool("sh", "-c", "ulimit -n; ulimit -f; ulimit -c");
    const before = await ours();
    const child = await launchLimited({
      path: "/bin/sh",
      args: ["-c", `read _ <${limited}; ulimit -n; ulimit -f; ulimit -c`],
      env: {},
      output: "pipe",
    }, {
      limits: { openFiles: 64, fileBytes: 2 ** 20, coreBytes: 0 },
      control: processControl,
    });
    await Deno.writeTextFile(limited, "go on\n");
    const [out] = await Promise.all([
      new Response(child.output!.stdout).text(),
      child.output!.stderr.cancel(),
      child.exited,
    ]);
    // sizes in blocks of 512 bytes, as POSIX has them
    assertEquals(out, "64\n2048\n0\n");
    assertEquals(await ours(), before);
  },
);

Deno.test("launchLimited() kills a child that it cannot limit and says which limit was refused", async () => {
  let launched: number | undefined;
  const control: ProcessControl = {
    ...processControl,
    limit(pid) {
      launched = pid;
      return ["openFiles"];
    },
  };
  const sleep = { path: "/bin/sleep", args: ["1000"], env: {}, output: "pipe" } as const;
  const { code, message } = await assertRejects(
    () => launchLimited(sleep, { limits: { openFiles: 64 }, control }),
    LaunchError,
  );
  assertEquals(code, "software.limits");
  assertEquals(message, "limits are refused by the system: openFiles = 64");
  assertEquals(processControl.identify(launched!), undefined);
});
