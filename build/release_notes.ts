/** `deno run --allow-read build/release_notes.ts v1.2.3`: prints the changelog's section for the version of a tag. */
import { standardOutput } from "../src/cli/output.ts";
import { VERSION } from "../src/core/build_info.ts";

/** The text of a version's section in a changelog (https://keepachangelog.com); `undefined` if there is none. */
export function findReleaseNotes(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^## /m);
  const section = sections.find((section) => section.startsWith(`[${version}]`));
  return section?.slice(section.indexOf("\n")).trim();
}

if (import.meta.main) {
  const [tag = ""] = Deno.args;
  const changelog = await Deno.readTextFile(new URL("../CHANGELOG.md", import.meta.url));
  const notes = findReleaseNotes(changelog, VERSION);
  if (tag !== `v${VERSION}`) {
    standardOutput.note(`the tag is ${tag || "missing"}, the program's version ${VERSION}`);
    Deno.exitCode = 1;
  } else if (notes === undefined) {
    standardOutput.note(`CHANGELOG.md has no section [${VERSION}]`);
    Deno.exitCode = 1;
  } else {
    standardOutput.result(notes);
  }
}
