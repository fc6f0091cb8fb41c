import { assertEquals } from "@std/assert";
import { encodeEnvironment } from "../../../src/platform/windows/console.ts";

function textOf(block: Uint16Array): string {
  return String.fromCharCode(...block);
}

Deno.test("an environment block is sorted by name and ends with an empty entry", () => {
  assertEquals(textOf(encodeEnvironment(["b=2", "A=1"], { c: "3" })), "A=1\0b=2\0c=3\0\0");
  assertEquals(textOf(encodeEnvironment([], {})), "\0\0");
});

Deno.test("a variable overrides one whose name differs only in case", () => {
  assertEquals(textOf(encodeEnvironment(["Path=a", "X=="], { PATH: "b=c" })), "PATH=b=c\0X==\0\0");
});

Deno.test("the current folders of drives, whose names begin with =, are kept", () => {
  const folders = ["=C:=C:\\a", "=D:=D:\\b"];
  assertEquals(textOf(encodeEnvironment(folders, { A: "" })), "=C:=C:\\a\0=D:=D:\\b\0A=\0\0");
});
