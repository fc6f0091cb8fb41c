import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";

/** The values of `github`, `inputs`, `secrets` and the others. */
export type Contexts = Readonly<Record<string, unknown>>;

/** A job's steps end at the first failure here, so none of them sees one. */
const FUNCTIONS = ["success", "always"].map((name) => functionOf(name, true)).concat(
  functionOf("failure", false),
);

function functionOf(name: string, value: boolean): FunctionDefinition {
  return { name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(value) };
}

/** A text whose `${{ … }}` are replaced by their values. @throws {ExpressionError} also for a context that there is not. */
export function interpolate(text: string, contexts: Contexts): string {
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression) => {
    return evaluate(expression, contexts).coerceString();
  });
}

/** Whether an `if:` holds, with or without `${{ }}`. */
export function holds(condition: string | boolean, contexts: Contexts): boolean {
  const expression = String(condition).trim().replace(/^\$\{\{(.*)\}\}$/s, "$1");
  const value = evaluate(expression, contexts);
  return value.kind === data.Kind.Boolean ? value.value : value.coerceString() !== "";
}

function evaluate(expression: string, contexts: Contexts): data.ExpressionData {
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), FUNCTIONS)
    .parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver) as data.Dictionary;
  const functions = new Map(FUNCTIONS.map((each) => [each.name, each]));
  return new Evaluator(tree, values, functions).evaluate();
}
