import { assertEquals, assertMatch } from "@std/assert";
import { askTool, type ToolRequest, type ToolResult } from "../../src/platform/secret_tool.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** More than a pipe holds. */
const LONG = "x".repeat(2 ** 20);

function ask(tool: string, question: Partial<ToolRequest> = {}): Promise<ToolResult | string> {
  const timeout = () => new AbortController().signal;
  const env = () => undefined;
  return askTool(tool, {
    ...{ args: [], input: undefined, variables: [], env, timeout },
    ...question,
  });
}

testWith([POSIX], "a missing tool is named", async () => {
  assertEquals(await ask("sentinel-no-such-tool"), "sentinel-no-such-tool is not installed");
});

testWith([POSIX], "a tool that cannot be started is reported with the reason", async () => {
  assertMatch(String(await ask("/")), /permission denied/i);
});

testWith(
  [POSIX],
  "a tool receives the named variables and no others",
  async () => {
    const variables = ["NAMED", "ABSENT"];
    const env = (name: string) => name === "ABSENT" ? undefined : "x";
    const answer = await ask("env", { variables, env });
    assertEquals(answer, { code: 0, out: "NAMED=x\n", err: "" });
  },
);

testWith([POSIX], "a tool that exits before it reads its input has still answered", async () => {
  assertEquals(await ask("true", { input: LONG }), { code: 0, out: "", err: "" });
});

testWith([POSIX], "output beyond the limit is dropped", async () => {
  const answer = await ask("cat", { input: LONG });
  assertEquals(answer, { code: 0, out: LONG.slice(0, 65_536), err: "" });
});
