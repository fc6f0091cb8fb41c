/**
 * `deno task test:bundle [FILE]…`: the integration tests and the attacks, or these files, against the program as it ships:
 * bundled and run by the Deno that runs this, with the permissions of the program that is compiled.
 */
import { bundleAsShipped, bundleFixtures } from "./support/shipped_bundle.ts";

const TESTS = ["tests/integration", "tests/attack"];

const folder = await Deno.makeTempDir({ prefix: "sentinel-bundle-" });
try {
  const entry = await bundleAsShipped(folder);
  await bundleFixtures(folder);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "--no-prompt", "--parallel"],
      ...["read", "write", "env", "net", "run", "ffi", "sys"].map((kind) => `--allow-${kind}`),
      ...(Deno.args.length === 0 ? TESTS : Deno.args),
    ],
    env: { SENTINEL_BIN: entry },
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(folder, { recursive: true });
}
