// Not on Windows: it runs shell commands.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/core/build_info.ts";
import { quoteForShell } from "../../src/core/text.ts";
import { makeOrganization } from "../support/organization.ts";
import { programLine, resultOf } from "../support/program.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const UPDATES = await Deno.readTextFile(new URL("../../docs/UPDATES.md", import.meta.url));

/** The commands of each block, on this machine's system. */
const BLOCKS = Array.from(
  UPDATES.matchAll(/(?<=\n\n)(?: {4}.*\n)+/g),
  ([block]) => block.replaceAll("x86_64-unknown-linux-gnu", Deno.build.target),
);

const SENTINEL = programLine([]).map(quoteForShell).join(" ");

/** Bundles, and compiles a script that runs the program from source. */
const DENO = `#!/bin/sh
[ "$1" = --version ] && exec ${quoteForShell(Deno.execPath())} --version
while [ "$1" != --output ]; do shift; done
printf '#!/bin/sh\\nexec %s "$@"\\n' ${quoteForShell(SENTINEL)} > "$2"; chmod 755 "$2"
`;

testWith(
  [POSIX, needsProgram("ssh-keygen"), needsProgram("sha256sum")],
  "each command of UPDATES.md works, from the vendor's key to the customer's check",
  async () => {
    await using folder = await temporaryFolder();
    const organization = await makeOrganization();
    await Deno.mkdir(folder.at("keys"));
    await Deno.writeTextFile(folder.at("keys/org_public_key.pem"), organization.publicKeyPem);
    await Deno.mkdir(folder.at("bin"));
    await Deno.writeTextFile(folder.at("bin/sentinel"), `#!/bin/sh\nexec ${SENTINEL} "$@"\n`, {
      mode: 0o755,
    });
    await Deno.writeTextFile(folder.at("compiler"), DENO, { mode: 0o755 });
    const run = async (block: string, cwd: string) => {
      const { code, stdout, stderr } = await resultOf("sh", {
        args: ["-euc", block],
        cwd,
        env: {
          PATH: `${folder.at("bin")}:${Deno.env.get("PATH")}`,
          BUILD_DENO: folder.at("compiler"),
          NO_COLOR: "1",
        },
      });
      assertEquals(code, 0, `${block}${stdout}${stderr}`);
      return stdout;
    };
    const [once = "", build = "", otherwise = "", check = "", show = "", ...more] = BLOCKS;
    assertEquals(more, []);
    await run(once, folder.path);
    await run(build, folder.path);
    await Deno.copyFile(folder.at("allowed_signers"), folder.at("dist/allowed_signers"));
    const good = 'Good "file" signature for updates@acme.example with ED25519 key ';
    const ours = await run(check, folder.at("dist"));
    assertStringIncludes(ours, good);
    assertStringIncludes(ours, `sentinel-${Deno.build.target}: OK\n`);
    assertEquals(JSON.parse(await run(show, folder.at("dist"))).version, VERSION);
    await Deno.remove(folder.at("dist/SHA256SUMS.sig"));
    await run(otherwise, folder.path);
    assertStringIncludes(await run(check, folder.at("dist")), good);
  },
);
