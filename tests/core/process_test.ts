import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { runToEnd, waitForExit } from "../../src/core/process.ts";
import { allOf, LINUX, POSIX, type Requirement, testWith } from "../support/requirements.ts";
import { IS_WINDOWS } from "../support/system.ts";

/** Like `testWith()`; the runtime keeps its entry of a child with an unknown end. */
function testLeft(requirements: readonly Requirement[], name: string, fn: () => Promise<void>) {
  const { need, met } = allOf(...requirements);
  const title = met ? name : `${name} (skipped: needs ${need})`;
  Deno.test({ name: title, ignore: !met, sanitizeResources: false, fn });
}

type End = readonly [code: number, signal: string | undefined];

/** How a shell that runs this script ends. */
async function endOf(script: string): Promise<End> {
  const { code, signal } = await runToEnd("sh", { args: ["-c", `ulimit -c 0; ${script}`] });
  return [code, signal];
}

/** The runtime's error when a child has ended. */
function rejecting(error: unknown): Pick<Deno.ChildProcess, "status"> {
  return { status: Promise.reject(error) };
}

testLeft(
  [LINUX],
  "every real-time signal has its number and bash's name",
  async () => {
    const names = await Promise.all(
      Array.from({ length: 31 }, (_, i) => endOf(`kill -${34 + i} $$`)),
    );
    assertEquals(names, [
      [162, "SIGRTMIN"],
      ...Array.from({ length: 15 }, (_, i) => [163 + i, `SIGRTMIN+${i + 1}`] as const),
      ...Array.from({ length: 14 }, (_, i) => [178 + i, `SIGRTMAX-${14 - i}`] as const),
      [192, "SIGRTMAX"],
    ]);
  },
);

testWith(
  [POSIX],
  "a named signal and an exit status are as the runtime reports them",
  async () => {
    assertEquals(await endOf("kill -SEGV $$"), [139, "SIGSEGV"]);
    assertEquals(await endOf("kill -KILL $$"), [137, "SIGKILL"]);
    assertEquals(await endOf("exit 168"), [168, undefined]);
    assertEquals(await endOf(":"), [0, undefined]);
  },
);

Deno.test("a signal without a name is reported by its number", async () => {
  for (const number of [32, 33, 65, 126]) {
    assertEquals(await waitForExit(rejecting(new TypeError(`Invalid signal: ${number}`))), {
      code: 128 + number,
      signal: `signal ${number}`,
    });
  }
});

Deno.test("an unknown end is reported as a killed child", async () => {
  const killed = { code: 128, signal: "unknown signal" };
  for (
    const error of [
      ...["Invalid signal", "Invalid signal: 0", "Invalid signal: 127"].map((text) =>
        new TypeError(text)
      ),
      new Error("No child processes (os error 10)"),
      undefined,
    ]
  ) {
    assertEquals(await waitForExit(rejecting(error)), killed);
  }
});

testLeft([LINUX], "output before a real-time signal ends a program is kept", async () => {
  const { stdout, stderr } = await runToEnd("sh", {
    args: ["-c", "echo out; echo err >&2; kill -40 $$"],
  });
  assertEquals(new TextDecoder().decode(stdout), "out\n");
  assertEquals(new TextDecoder().decode(stderr), "err\n");
});

testWith([POSIX], "a program that cannot start is reported to the caller", async () => {
  await assertRejects(() => runToEnd("/nowhere", { args: [] }), Deno.errors.NotFound);
});

Deno.test({
  name: "no other source waits for a child's end",
  ignore: IS_WINDOWS,
  async fn() {
    const waits = /\b(?:child|process)\.status\b|\.output\(\)|\.outputSync\(|\.spawnAndWait/;
    const found: string[] = [];
    for await (const path of modulesIn(fromFileUrl(new URL("../../src", import.meta.url)))) {
      if (waits.test(await Deno.readTextFile(path))) found.push(path.replace(/.*\/src\//, ""));
    }
    assertEquals(found, ["core/process.ts"]);
  },
});

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* modulesIn(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}
