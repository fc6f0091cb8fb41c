import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ifThere, ifThereSync } from "../../src/core/if_there.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("ifThere() gives the result, or undefined if there is no such file", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "text");
  assertEquals(await ifThere(Deno.readTextFile(folder.at("file"))), "text");
  assertEquals(await ifThere(Deno.readTextFile(folder.at("none"))), undefined);
  assertEquals(ifThereSync(() => Deno.readTextFileSync(folder.at("file"))), "text");
  assertEquals(ifThereSync(() => Deno.readTextFileSync(folder.at("none"))), undefined);
});

Deno.test("ifThere() lets every other error pass", async () => {
  await using folder = await temporaryFolder();
  await assertRejects(() => ifThere(Deno.readTextFile(folder.path)));
  assertThrows(() => ifThereSync(() => Deno.readTextFileSync(folder.path)));
});
