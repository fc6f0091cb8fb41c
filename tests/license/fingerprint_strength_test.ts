import { assertEquals } from "@std/assert";
import { findWeakness } from "../../src/license/fingerprint_strength.ts";
import { COMPONENTS } from "../../src/platform/hardware_ids.ts";

Deno.test("a fingerprint without a component of its own machine is weak, and what it lacks is named", () => {
  assertEquals(findWeakness(["disk", "cpu_model"]), {
    kind: "unbound",
    message: "the hardware fingerprint is weak: similar machines have the same disk, cpu_model; " +
      "it has none of machine_id, cpu, board, mac",
  });
});

Deno.test("a fingerprint that only the machine id binds is weak, as a copied disk has that too", () => {
  assertEquals(findWeakness(["machine_id", "disk", "cpu_model"]), {
    kind: "copyable",
    message:
      "the hardware fingerprint is weak: of machine_id, disk, cpu_model, only machine_id tells " +
      "this machine from similar ones, and a copy of its disk has the same machine_id",
  });
});

for (const name of ["cpu", "board", "mac"] as const) {
  Deno.test(`a fingerprint with ${name} is not weak`, () => {
    assertEquals(findWeakness([name, "cpu_model"]), undefined);
    assertEquals(findWeakness(["machine_id", name]), undefined);
  });
}

Deno.test("a processor id that its whole model has binds a fingerprint to no machine", () => {
  const isOfModel = (name: string) => name === "cpu";
  assertEquals(findWeakness(["cpu", "cpu_model"], isOfModel)?.kind, "unbound");
  assertEquals(findWeakness(["machine_id", "cpu"], isOfModel)?.kind, "copyable");
  assertEquals(findWeakness(COMPONENTS, isOfModel), undefined);
});
