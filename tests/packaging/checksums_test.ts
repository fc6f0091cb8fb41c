import { assertEquals } from "@std/assert";
import { mergeChecksums } from "../../src/packaging/build_programs.ts";

const [ONE, TWO, NEW] = ["1", "2", "3"].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
];

Deno.test("new sums take the place of old ones of the same name, in the order of names", () => {
  const before = `${TWO}  two\n${ONE} *one\n`;
  const files = [{ name: "two", path: "/out/two", bytes: 1, sha256: NEW }];
  assertEquals(mergeChecksums(before, files), `${ONE}  one\n${NEW}  two\n`);
});

Deno.test("what is no line of sha256sum's is left out", () => {
  const before = `# made by hand\n${ONE.slice(1)}  short\n${ONE}\n\n${ONE}  kept\n`;
  assertEquals(mergeChecksums(before, []), `${ONE}  kept\n`);
});
