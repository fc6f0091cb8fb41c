import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  formatServiceFile,
  isServiceName,
  type ServiceDescription,
} from "../../src/service/unit_file.ts";
import { resolveSocketPath } from "../../src/ipc/socket.ts";
import { SAMPLE_MACHINE_ID } from "../../src/agent/run_request.ts";

const SERVICE: ServiceDescription = {
  configPath: "/etc/rocket.toml",
  name: "rocket",
  command: ["/opt/sentinel/sentinel", "daemon", "start"],
  stateFolder: "/srv/rocket/state",
  writablePaths: [],
  readablePaths: ["/etc/rocket/rocket.lic"],
  stopTimeoutMs: 30_000,
};

/** A path that a service needs, and the unit's settings for homes and temporary folders. */
const PLACES: [string, Partial<ServiceDescription>, [home: string, tmp: string]][] = [
  ["in neither", {}, ["yes", "yes"]],
  ["a license in a home", { readablePaths: ["/home/rocket/k.lic"] }, ["read-only", "yes"]],
  ["a log in root's home", { writablePaths: ["/root/d.log"] }, ["read-only", "yes"]],
  ["the program in /tmp", { command: ["/tmp/sentinel"] }, ["yes", "no"]],
  ["a state in /var/tmp", { stateFolder: "/var/tmp/state" }, ["yes", "no"]],
  ["names that only look similar", { command: ["/homes/x", "/var/tmpl/x"] }, ["yes", "yes"]],
];

for (const [what, changes, expected] of PLACES) {
  Deno.test(`a unit hides homes and temporary folders, except with ${what}`, () => {
    const unit = formatServiceFile("systemd", { ...SERVICE, ...changes });
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(unit)![1];
    assertEquals([value("ProtectHome"), value("PrivateTmp")], expected);
  });
}

Deno.test("a unit may write to the configured folders, each listed once", () => {
  const unit = formatServiceFile("systemd", {
    ...SERVICE,
    writablePaths: ["/srv/rocket/state/d.log", "/var/log/a b/d.log", "/srv/data/"],
  });
  assertStringIncludes(
    unit,
    `\nReadWritePaths=-/srv/rocket/state "-/var/log/a b" -/srv/data\n`,
  );
});

Deno.test("the longest name of a service leaves room for the path of its socket", () => {
  const name = "x".repeat(32);
  assertEquals([isServiceName(name), isServiceName(`${name}x`)], [true, false]);
  const unit = formatServiceFile("systemd", { ...SERVICE, name });
  const [, runtimeFolder] = /^Environment=XDG_RUNTIME_DIR=(.*)$/m.exec(unit)!;
  const machineId = SAMPLE_MACHINE_ID;
  assertStringIncludes(resolveSocketPath({ runtimeFolder, machineId, maxBytes: 107 }), name);
});
