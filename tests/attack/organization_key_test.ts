// Not on Windows: it reads /proc.
/**
 * The attacker runs programs as the vendor's user, and looks for the organization's private key in the memory of a program
 * that uses it. The kernel shows that memory to root alone.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { decodePem } from "../../src/signing/pem.ts";
import type { Doubles, Edit } from "../support/doubles.ts";
import { READABLE_BY_USER } from "../support/readable_program.ts";
import { resultOf, startProgram } from "../support/program.ts";
import { LINUX, NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";
import { searchMemory } from "../support/search_memory.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { setUpVendor } from "../support/vendor_setup.ts";
import { WITHOUT_CAPABILITIES } from "../support/without_capabilities.ts";

/** Stops the program where it has the key, until its standard input ends. */
const PAUSE = 'console.log("has the key"); await new Response(Deno.stdin.readable).text();';

/** Programs that have the organization's key, by command, and where they are stopped. */
const PROGRAMS: [string, Edit, (keyPath: string, folder: string) => string[]][] = [
  [
    "vendor keygen",
    ["pair.privateKey.fill(0);", `${PAUSE} pair.privateKey.fill(0);`],
    (_, folder) => ["--out", `${folder}/new`],
  ],
  [
    "vendor issue",
    ["return sign;", `${PAUSE} return sign;`],
    (keyPath, folder) => [
      ...["--key", keyPath, "--type", "standard", "--org", "o", "--software-id", "s"],
      ...["--expires", "2099-12-31", "--out", `${folder}/a.lic`],
    ],
  ],
  [
    "vendor serve",
    ["return sign;", `${PAUSE} return sign;`],
    (keyPath, folder) => ["--key", keyPath, "--database", `${folder}/l.db`, "--port", "0"],
  ],
];

/** Runs a program until it has the key, and resolves with what `spy` finds. */
async function spyOn<Found>(
  [name, pause, makeArguments]: typeof PROGRAMS[number],
  spy: (pid: number, privateNumber: Uint8Array) => Promise<Found>,
  doubles: Doubles = {},
): Promise<Found> {
  await using folder = await temporaryFolder();
  const { keyPath } = await setUpVendor(folder.path);
  const args = [...name.split(" "), ...makeArguments(keyPath, folder.path)];
  await using program = startProgram(args, {
    doubles: { "src/license_server/keys.ts": [pause], ...doubles },
    wrapper: WITHOUT_CAPABILITIES,
    stdin: "piped",
  });
  await program.stdout.match(/has the key/);
  const written = name === "vendor keygen" ? folder.at("new/org_private_key.pem") : keyPath;
  const der = decodePem(await Deno.readTextFile(written), "PRIVATE KEY")!;
  // its place in PKCS#8 of P-256
  const found = await spy(program.pid, der.subarray(36, 68));
  await program.input("");
  return found;
}

/** Whether an unprivileged process of the same user may read the memory. */
async function isOpen(pid: number): Promise<boolean> {
  const [program, ...args] = [...WITHOUT_CAPABILITIES, "head", "-c", "1", `/proc/${pid}/maps`];
  return (await resultOf(program!, { args })).code === 0;
}

/** How often the key is in the memory, as such a process sees it. */
async function countKeys(pid: number, privateNumber: Uint8Array): Promise<number | undefined> {
  const patterns = [privateNumber];
  return (await searchMemory(pid, { patterns, wrapper: WITHOUT_CAPABILITIES }))?.[0];
}

const NEEDS = [LINUX, NEEDS_ROOT, needsProgram("python3"), needsProgram("setpriv")];

for (const program of PROGRAMS) {
  testWith(
    NEEDS,
    `a process of the same user cannot read the memory of ${program[0]}`,
    async () => {
      assertEquals(await spyOn(program, isOpen), false);
    },
  );
}

testWith(NEEDS, "it reads the key in an open memory: the attack", async () => {
  assertNotEquals(await spyOn(PROGRAMS[1]!, countKeys, READABLE_BY_USER) ?? 0, 0);
});
