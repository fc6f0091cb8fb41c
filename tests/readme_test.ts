// Not on Windows: it is about the sources, which are the same there.
import { assertStringIncludes } from "@std/assert";

const ROOT = new URL("..", import.meta.url);

for (const name of ["license.py", "license.mjs", "license.go", "license.c", "license.sh"]) {
  Deno.test(`README shows examples/ipc/${name} as it is`, async () => {
    const example = await Deno.readTextFile(new URL(`examples/ipc/${name}`, ROOT));
    assertStringIncludes(
      await Deno.readTextFile(new URL("README.md", ROOT)),
      `\n${example}\`\`\`\n`,
    );
  });
}
