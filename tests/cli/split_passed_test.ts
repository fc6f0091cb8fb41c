import { assertEquals } from "@std/assert";
import { splitPassed } from "../../src/cli/parse_arguments.ts";

const VALUES = [{ name: "port", letter: "p" }, { name: "key", letter: "k" }];

const split = (...args: string[]) => {
  const { own, passed } = splitPassed(args, { word: "start", values: VALUES });
  return [own, passed];
};

Deno.test("what follows the word is passed, whatever it looks like", () => {
  assertEquals(split("-p", "1", "start", "x", "-p", "2", "--json"), [
    ["-p", "1", "start"],
    ["x", "-p", "2", "--json"],
  ]);
  assertEquals(split("start"), [["start"], []]);
  assertEquals(split("start", "start"), [["start"], ["start"]]);
});

Deno.test("a -- right behind the word is left out, a later one is not", () => {
  assertEquals(split("start", "--", "x", "--", "y"), [["start"], ["x", "--", "y"]]);
});

Deno.test("an option's value is not the word, nor is a later operand", () => {
  assertEquals(split("--key", "start", "list"), [["--key", "start", "list"], undefined]);
  assertEquals(split("-k", "start", "start", "x"), [["-k", "start", "start"], ["x"]]);
  assertEquals(split("--key=start", "-pstart", "start", "x"), [
    ["--key=start", "-pstart", "start"],
    ["x"],
  ]);
  assertEquals(split("status", "start"), [["status", "start"], undefined]);
  assertEquals(split("--", "start", "x"), [["--", "start", "x"], undefined]);
});

Deno.test("a command without such a word keeps all its arguments", () => {
  assertEquals(splitPassed(["start", "x"], { word: undefined, values: [] }), {
    own: ["start", "x"],
  });
});
