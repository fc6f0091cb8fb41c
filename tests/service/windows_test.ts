import { assertEquals, assertRejects } from "@std/assert";
import type { ServiceDescription } from "../../src/service/unit_file.ts";
import { createOwnershipMark, ServiceError } from "../../src/service/owner.ts";
import { installWindowsService, uninstallWindowsService } from "../../src/service/windows.ts";
import type { SystemServices } from "../../src/platform/contract.ts";

const SERVICE: ServiceDescription = {
  name: "rocket",
  configPath: "C:\\rocket.toml",
  command: ["C:\\sentinel.exe", "daemon", "start"],
  writablePaths: [],
  readablePaths: [],
  stopTimeoutMs: 1,
};

const OWN = `Sentinel for rocket, ${createOwnershipMark(SERVICE.configPath)}`;

/** Fake Windows services, of which sc.exe refuses one change; records its arguments. */
function servicesWith(
  { description, refused, status = 0 }: {
    description?: string;
    refused?: string;
    status?: number;
  },
): SystemServices & { readonly changes: string[] } {
  const changes: string[] = [];
  return {
    changes,
    describe: () => description,
    change([verb]) {
      changes.push(verb!);
      return Promise.resolve(verb === refused ? status : 0);
    },
    join: () => Promise.resolve(undefined),
  };
}

async function refusalOf(action: () => Promise<unknown>): Promise<string[]> {
  const { code, message } = await assertRejects(action, ServiceError);
  return [code, message];
}

Deno.test("a Windows service is created, and an existing one of ours is changed", async () => {
  const absent = servicesWith({});
  assertEquals(await installWindowsService(SERVICE, absent), "sc.exe start sentinel-rocket");
  assertEquals(absent.changes, ["create", "description", "failure"]);
  const there = servicesWith({ description: OWN });
  await installWindowsService(SERVICE, there);
  assertEquals(there.changes, ["config", "description", "failure"]);
});

Deno.test("a Windows service that was only partly created is removed", async () => {
  const services = servicesWith({ refused: "description", status: 87 });
  assertEquals(await refusalOf(() => installWindowsService(SERVICE, services)), [
    "config.service",
    "service sentinel-rocket cannot be changed (sc.exe ended with 87)",
  ]);
  assertEquals(services.changes, ["create", "description", "delete"]);
});

Deno.test("an existing Windows service that cannot be changed is not removed", async () => {
  const services = servicesWith({ description: OWN, refused: "config", status: 5 });
  assertEquals(await refusalOf(() => installWindowsService(SERVICE, services)), [
    "permission.service",
    "service sentinel-rocket cannot be changed: run as administrator",
  ]);
  assertEquals(services.changes, ["config"]);
});

Deno.test("the error for a Windows service that is being removed says what keeps it", async () => {
  const services = servicesWith({ description: OWN, refused: "delete", status: 1072 });
  assertEquals(await refusalOf(() => uninstallWindowsService(SERVICE, services)), [
    "config.service",
    "service sentinel-rocket cannot be changed (it is being removed: stop it, and close programs that show it)",
  ]);
});

Deno.test("an existing Windows service is removed", async () => {
  assertEquals(await uninstallWindowsService(SERVICE, servicesWith({})), false);
  const there = servicesWith({ description: OWN });
  assertEquals(await uninstallWindowsService(SERVICE, there), true);
  assertEquals(there.changes, ["delete"]);
});

Deno.test("a Windows service that is not ours is not changed", async () => {
  const services = servicesWith({ description: "" });
  const refusal = [
    "config.service",
    "service sentinel-rocket was not written by sentinel: remove it first",
  ];
  assertEquals(await refusalOf(() => installWindowsService(SERVICE, services)), refusal);
  assertEquals(await refusalOf(() => uninstallWindowsService(SERVICE, services)), refusal);
  assertEquals(services.changes, []);
});
