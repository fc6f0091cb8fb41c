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

testWith([POSIX], "a tool that is not there is told by its name", async () => {
  assertEquals(await ask("sentinel-no-such-tool"), "sentinel-no-such-tool is not installed");
});

testWith([POSIX], "why a tool cannot be started is told", async () => {
  assertMatch(String(await ask("/")), /permission denied/i);
});

testWith(
  [POSIX],
  "a tool is given the variables that are named, and nothing else of ours",
  async () => {
    const variables = ["NAMED", "ABSENT"];
    const env = (name: string) => name === "ABSENT" ? undefined : "x";
    const answer = await ask("env", { variables, env });
    assertEquals(answer, { code: 0, out: "NAMED=x\n", err: "" });
  },
);

testWith([POSIX], "a tool that ends before it has read its question has answered", async () => {
  assertEquals(await ask("true", { input: LONG }), { code: 0, out: "", err: "" });
});

testWith([POSIX], "what a tool writes behind the limit is dropped", async () => {
  const answer = await ask("cat", { input: LONG });
  assertEquals(answer, { code: 0, out: LONG.slice(0, 65_536), err: "" });
});
