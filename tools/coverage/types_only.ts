import { stripTypeScriptTypes } from "node:module";

/** Whether a TypeScript source has no statement left once its types are taken out: nothing that a test could run. */
export function isTypesOnly(source: string): boolean {
  // parameters that are properties have to be written out
  const script = stripTypeScriptTypes(source, { mode: "transform" });
  const statements = script.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  return statements.replaceAll(";", "").trim() === "";
}
