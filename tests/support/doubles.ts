import { fromFileUrl } from "@std/path";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../..", import.meta.url);

/** Parts of the program, by their path in the tree, and what of `tests/support/doubles` stands in for each. */
export type Doubles = Readonly<Record<string, string>>;

/**
 * The runtime's argument with which the real program runs with doubles in place of some of its parts, by an import map: the
 * program has no switch for it. A double imports the part that it stands in for as usual.
 */
export function doublesArgument(doubles: Doubles): string {
  const at = (path: string) => new URL(path, ROOT).href;
  const imports = Object.entries(config.imports).map(([name, target]) =>
    [name, target.startsWith("./") ? at(target) : target] as const
  );
  const replaced = Object.entries(doubles).map(([part, double]) => {
    Deno.statSync(fromFileUrl(at(part)));
    return [at(part), at(`tests/support/doubles/${double}`)] as const;
  });
  const map = {
    imports: Object.fromEntries([...imports, ...replaced]),
    scopes: {
      [at("tests/support/doubles/")]: Object.fromEntries(replaced.map(([part]) => [part, part])),
    },
  };
  return `--import-map=data:application/json,${encodeURIComponent(JSON.stringify(map))}`;
}
