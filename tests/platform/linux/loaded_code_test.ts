import { assertEquals } from "@std/assert";
import {
  findForeignClock,
  findForeignLibrary,
  type LoadedCode,
  parseMappings,
} from "../../../src/platform/linux/loaded_code.ts";

const EXECUTABLE = "/opt/product/sentinel";

/** A process of these files: the first is the loader, the second has the functions that tell the time. */
function put(
  [loader, clock, ...others]: readonly string[],
  isOfRoot = (_path: string) => false,
): LoadedCode {
  const line = (path: string, i: number) =>
    `${(i + 1).toString(16)}000-${(i + 1).toString(16)}fff r-xp 00000000 fe:00 7   ${path}\n`;
  return {
    mappings: parseMappings([loader!, clock!, ...others, EXECUTABLE].map(line).join("")),
    executable: EXECUTABLE,
    loader: 0x1000n,
    addressOf: () => 0x2010n,
    isOfRoot,
  };
}

const DEBIAN = "/usr/lib/x86_64-linux-gnu";
const LOADER = "ld-linux-x86-64.so.2";
const GLIBC = "/nix/store/0c7c96-glibc-2.40/lib";
const SNAP = "/snap/core22/1748/usr/lib/x86_64-linux-gnu";

const HONEST: Record<string, readonly string[]> = {
  "Debian": [`${DEBIAN}/${LOADER}`, `${DEBIAN}/libc.so.6`, `${DEBIAN}/libdl.so.2`],
  "Debian before merged /usr": [
    "/lib/x86_64-linux-gnu/ld-2.31.so",
    "/lib/x86_64-linux-gnu/libc-2.31.so",
    "/lib/x86_64-linux-gnu/libdl-2.31.so",
  ],
  "Fedora on arm": ["/usr/lib/ld-linux-aarch64.so.1", "/usr/lib64/libc.so.6"],
  "Nix, whose store the user owns": [
    `${GLIBC}/${LOADER}`,
    `${GLIBC}/libc.so.6`,
    `${GLIBC}/libm.so.6`,
    "/nix/store/1b2c-gcc-14/lib/libgcc_s.so.1",
  ],
  "a snap": [`${SNAP}/${LOADER}`, `${SNAP}/libc.so.6`, `${SNAP}/libdl.so.2`],
  "conda": [`${DEBIAN}/${LOADER}`, `${DEBIAN}/libc.so.6`, "/home/u/conda/lib/libgcc_s.so.1"],
  "musl": ["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1", "/usr/lib/libgcc_s.so.1"],
  "a library for newer processors": [
    `${DEBIAN}/${LOADER}`,
    `${DEBIAN}/glibc-hwcaps/x86-64-v3/libc.so.6`,
  ],
  "a C library that an update has removed": [
    `${DEBIAN}/${LOADER} (deleted)`,
    `${DEBIAN}/libc.so.6 (deleted)`,
  ],
  "a sanitizer of the system": [`${DEBIAN}/${LOADER}`, `${DEBIAN}/libasan.so.8.0.0`],
  "functions of the kernel's own page": [`${DEBIAN}/${LOADER}`, "[vdso]"],
  "functions of the executable": [`${DEBIAN}/${LOADER}`, EXECUTABLE],
};

for (const [name, files] of Object.entries(HONEST)) {
  Deno.test(`${name} gives no finding`, () => {
    const code = put(files);
    assertEquals([findForeignClock(code), findForeignLibrary(code)], [undefined, undefined]);
  });
}

const REPLACED: Record<string, readonly string[]> = {
  "of a folder of the user": [`${DEBIAN}/${LOADER}`, "/home/u/libdl.so.2"],
  "named like the C library": [`${DEBIAN}/${LOADER}`, "/home/u/libc.so.6"],
  "of a tool of the system": [`${DEBIAN}/${LOADER}`, `${DEBIAN}/faketime/libfaketime.so.1`],
  "named like a compiler's": [`${DEBIAN}/${LOADER}`, "/home/u/libgcc_s.so.1"],
  "named like a sanitizer": [`${DEBIAN}/${LOADER}`, "/home/u/libasan.so.8"],
};

for (const [name, files] of Object.entries(REPLACED)) {
  Deno.test(`a clock in a library ${name} is found`, () => {
    assertEquals(findForeignClock(put(files)), {
      kind: "clock_replaced",
      message: "another clock is put under sentinel",
      evidence: `clock_gettime is that of ${files[1]}`,
    });
  });
}

Deno.test("a library of the user is found, whatever it is named, unless it is root's", () => {
  const files = [`${DEBIAN}/${LOADER}`, `${DEBIAN}/libc.so.6`, "/home/u/evil (1).so"];
  assertEquals(findForeignLibrary(put(files))?.evidence, "/home/u/evil (1).so");
  assertEquals(findForeignLibrary(put(files, () => true)), undefined);
});

Deno.test("files that are only read, and memory of no file, are no libraries", () => {
  const maps = "1000-2000 r--p 00000000 fe:00 7   /home/u/locale\n" +
    "2000-3000 r-xp 00000000 00:00 0 \n" +
    "3000-4000 r-xp 00000000 00:01 7   /memfd:code\n";
  assertEquals(findForeignLibrary({ ...put([]), mappings: parseMappings(maps) }), undefined);
});
