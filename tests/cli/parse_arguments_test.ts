import { assertEquals, assertThrows } from "@std/assert";
import type { Command } from "../../src/cli/command.ts";
import { parseArguments } from "../../src/cli/parse_arguments.ts";
import { UsageError } from "../../src/cli/usage_error.ts";

type Form = Pick<Command, "options" | "operands" | "passesArguments" | "passesAfter">;

const FORM: Form = { options: ["port", "san", "json"], operands: { min: 0, max: 1 } };

function parse(args: readonly string[], form = FORM, variables: Record<string, string> = {}) {
  return parseArguments(args, form, (name) => variables[name]);
}

const REFUSED: [string, readonly string[], string, Form?][] = [
  [
    "an argument after -- of a command that launches nothing",
    ["--", "--port"],
    "unexpected argument: --port",
  ],
  ["one operand too many", ["a", "b"], "unexpected argument: b"],
  [
    "one operand too few",
    [],
    "an argument is missing (see --help)",
    { ...FORM, operands: { min: 1, max: 1 } },
  ],
  ["an option of another command", ["--sam=x"], "unknown option: --sam (did you mean --san?)"],
  ["an option's empty value", ["--port="], "option --port needs a value (PORT)"],
];

for (const [what, args, message, form] of REFUSED) {
  Deno.test(`${what} is refused`, () => {
    const error = assertThrows(() => parse(args, form).values("port"), UsageError);
    assertEquals(error.message, message);
  });
}

for (const value of [" ", "-1", "1.5", "0x10", "65536", "9".repeat(16), "1e3", "²"]) {
  Deno.test(`${JSON.stringify(value)} is not a port number`, () => {
    const args = parse([], FORM, { SENTINEL_PORT: value });
    const message = `--port must be a whole number from 0 to 65535: current value is ${value}`;
    const range = { min: 0, max: 65_535 };
    assertThrows(() => args.integer("port", range), UsageError, message);
    assertThrows(() => args.requiredInteger("port", range), UsageError, message);
  });
}

Deno.test("a missing number is an error only if it is required", () => {
  const range = { min: 0, max: 65_535 };
  assertEquals(parse([]).integer("port", range), undefined);
  assertThrows(() => parse([]).requiredInteger("port", range), UsageError, "--port is required");
  assertEquals(parse(["-p", "0"]).requiredInteger("port", range), 0);
});

Deno.test("an option beats its variable, and the last of several wins", () => {
  const variables = { SENTINEL_PORT: "1", SENTINEL_SAN: "x" };
  assertEquals(parse([], FORM, variables).value("port"), "1");
  assertEquals(parse(["--port", "2", "-p", "3"], FORM, variables).value("port"), "3");
  assertEquals(parse(["--san", "a", "--san=b"], FORM, variables).values("san"), ["a", "b"]);
});

const FLAGS = { "1": true, "yes": true, "": false, "0": false, "False": false, "no": false };

for (const [value, isOn] of Object.entries(FLAGS)) {
  Deno.test(`a flag whose variable is "${value}" is ${isOn ? "on" : "off"}`, () => {
    assertEquals(parse([], FORM, { SENTINEL_JSON: value }).flag("json"), isOn);
    assertEquals(parse(["--json"], FORM, { SENTINEL_JSON: value }).flag("json"), true);
  });
}

Deno.test("--help needs no operands", () => {
  const form = { ...FORM, operands: { min: 1, max: 1 } };
  assertEquals(parse(["--help"], form).flag("help"), true);
  assertEquals(parse(["-h", "a", "b"], form).flag("help"), true);
});

const WORDS = {
  type: "standard or hardware-bound",
  "log-level": "one of debug, info, warn, error",
} as const;

for (const [name, allowed] of Object.entries(WORDS) as [keyof typeof WORDS, string][]) {
  const form: Form = { options: ["type"] };
  for (
    const [what, args, variables] of [
      ["option", [`--${name}=loud`], {}],
      ["variable", [], { [`SENTINEL_${name.toUpperCase().replace("-", "_")}`]: "loud" }],
    ] as const
  ) {
    Deno.test(`--${name} accepts only its words, given as ${what}`, () => {
      const parsed = parse(args, form, variables);
      for (const read of [() => parsed.value(name), () => parsed.required(name)]) {
        const { message } = assertThrows(read, UsageError);
        assertEquals(message, `--${name} must be ${allowed}: current value is loud`);
      }
    });
  }
}

Deno.test("an option's word is its value", () => {
  assertEquals(
    parse(["--type=hardware-bound"], { options: ["type"] }).value("type"),
    "hardware-bound",
  );
});

const START: Form = {
  options: ["port", "key", "json"],
  operands: { min: 0, max: 2 },
  passesAfter: "start",
};

function split(args: readonly string[], form = START): (readonly string[])[] {
  const { operands, passed } = parse(args, form);
  return [operands, passed];
}

Deno.test("every argument after the word is passed on, even one that looks like an option", () => {
  const args = ["-p", "1", "start", "x", "-p", "2", "--json"];
  assertEquals(split(args), [["start"], ["x", "-p", "2", "--json"]]);
  assertEquals([parse(args, START).value("port"), parse(args, START).flag("json")], ["1", false]);
  assertEquals(split(["start"]), [["start"], []]);
  assertEquals(split(["start", "start"]), [["start"], ["start"]]);
});

Deno.test("a -- directly after the word is dropped, a later one is not", () => {
  assertEquals(split(["start", "--", "x", "--", "y"]), [["start"], ["x", "--", "y"]]);
});

Deno.test("an option's value is not the word, nor is a later operand", () => {
  assertEquals(split(["--key", "start", "list"]), [["list"], []]);
  assertEquals(split(["-k", "start", "start", "x"]), [["start"], ["x"]]);
  assertEquals(split(["--key=start", "-p=start", "start", "x"]), [["start"], ["x"]]);
  assertEquals(split(["status", "start"]), [["status", "start"], []]);
  assertEquals(split(["--", "start", "x"]), [[], ["start", "x"]]);
});

Deno.test("a command without such a word keeps all its arguments", () => {
  const { passesAfter: _, ...form } = START;
  assertEquals(split(["start", "x"], form), [["start", "x"], []]);
});

Deno.test("a lone dash is an option's value, an operand, or the software's own argument", () => {
  const form: Form = { ...FORM, options: ["license", "json"], passesArguments: true };
  const named = parse(["--license", "-", "--json"], form);
  assertEquals([named.value("license"), named.flag("json"), named.operands], ["-", true, []]);
  assertEquals(parse(["--json", "-"], form).operands, ["-"]);
  assertEquals(parse(["--", "--license", "-"], form).passed, ["--license", "-"]);
});
