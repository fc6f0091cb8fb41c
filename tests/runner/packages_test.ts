import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { PROGRAMS } from "../support/requirements.ts";

const CI = fromFileUrl(new URL("../../.ci/run", import.meta.url));

/** On every machine that has Node, git and a shell. */
const THERE = ["bash", "coreutils", "git", "nodejs"];

Deno.test(".ci/run installs every package that a test needs", async () => {
  const script = await Deno.readTextFile(CI);
  const installed = Array.from(
    script.matchAll(/missing\+=\((.*)\)/g),
    ([, names]) => names!.split(" "),
  )
    .flat();
  const needed = Object.keys(PROGRAMS).filter((name) => !THERE.includes(name));
  assertEquals(needed.filter((name) => !installed.includes(name)), []);
});
