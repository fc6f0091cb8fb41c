import { assertEquals } from "@std/assert";
import { dirname, getFileName, resolve } from "../../src/core/paths.ts";

/** A base, a path relative to it, and the result on every system. */
const RESOLVED: readonly (readonly [base: string, path: string, resolved: string])[] = [
  ["/etc/acme", "a/../b.lic", "/etc/acme/b.lic"],
  ["/etc/acme", "/opt/acme", "/opt/acme"],
  ["/etc/acme", "C:\\opt", "/etc/acme/C:\\opt"],
  ["C:\\acme", "a\\..\\b.lic", "C:\\acme\\b.lic"],
  ["C:\\acme", "a/b.lic", "C:\\acme\\a\\b.lic"],
  ["c:/acme", "D:\\opt", "D:\\opt"],
  ["\\\\host\\share\\acme", "b.lic", "\\\\host\\share\\acme\\b.lic"],
];

for (const [base, path, resolved] of RESOLVED) {
  Deno.test(`resolve() makes ${resolved} of ${path} in ${base}`, () => {
    assertEquals(resolve(path, base), resolved);
  });
}

const PARTS: readonly (readonly [path: string, folder: string, name: string])[] = [
  ["/opt/acme\\1/rocket", "/opt/acme\\1", "rocket"],
  ["C:\\opt\\rocket.exe", "C:\\opt", "rocket.exe"],
  ["C:/opt/rocket.exe", "C:/opt", "rocket.exe"],
  ["\\\\host\\share\\rocket.exe", "\\\\host\\share\\", "rocket.exe"],
];

for (const [path, folder, name] of PARTS) {
  Deno.test(`${path} is ${name} in ${folder}`, () => {
    assertEquals([dirname(path), getFileName(path)], [folder, name]);
  });
}
