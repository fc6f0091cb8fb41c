import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createOwnershipMark, requireOwnership, ServiceError } from "../../src/service/owner.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const WHAT = "/etc/systemd/system/sentinel-rocket.service";

async function refusalOf(text: string, configPath: string): Promise<string> {
  const error = await assertRejects(
    () => requireOwnership(WHAT, { text, configPath }),
    ServiceError,
  );
  return error.message;
}

Deno.test("the service of a configuration that no longer exists can be replaced", async () => {
  await using folder = await temporaryFolder();
  const own = folder.at("own.toml"), other = folder.at("other.toml");
  const text = `Sentinel for rocket, ${createOwnershipMark(other)}`;
  await Deno.writeTextFile(other, "");
  assertEquals(
    await refusalOf(text, own),
    `${WHAT} is the service of ${other}: give this one another name (--service-name)`,
  );
  await Deno.remove(other);
  await requireOwnership(WHAT, { text, configPath: own });
});

testWith([POSIX], "a configuration is recognized by another path", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("rocket.toml"), link = folder.at("link.toml");
  await Deno.writeTextFile(path, "");
  await Deno.symlink(path, link);
  await requireOwnership(WHAT, { text: createOwnershipMark(path), configPath: link });
});

testWith(
  [POSIX],
  "an ownership mark is one comment line, whatever the configuration's name",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at('a--b -->\n"%41\\.toml');
    await Deno.writeTextFile(path, "");
    const mark = createOwnershipMark(path);
    assertMatch(mark, /^(?:(?!--).)*$/);
    for (const text of [`# ${mark}\n[Unit]`, `<?xml?>\n<!-- ${mark} -->\n<plist>`]) {
      await requireOwnership(WHAT, { text, configPath: path });
      assertEquals(
        await refusalOf(text, folder.at("other.toml")),
        `${WHAT} is the service of ${path}: give this one another name (--service-name)`,
      );
    }
  },
);

Deno.test("a file without an ownership mark, or with half of one, is not ours", async () => {
  const refusal = `${WHAT} was not written by sentinel: remove it first`;
  for (
    const text of ["", "# written by sentinel service", "# written by sentinel service for \\x"]
  ) {
    assertEquals(await refusalOf(text, "/etc/rocket.toml"), refusal);
  }
});
