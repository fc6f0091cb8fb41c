/** What a changelog (https://keepachangelog.com) says of a version; `undefined` where it has no section for it. */
export function notesOf(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^## /m);
  const section = sections.find((section) => section.startsWith(`[${version}]`));
  return section?.slice(section.indexOf("\n")).trim();
}
