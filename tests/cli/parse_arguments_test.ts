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
    "an argument behind -- that no software is there for",
    ["--", "--port"],
    "unexpected argument: --port",
  ],
  ["an operand too many", ["a", "b"], "unexpected argument: b"],
  [
    "an operand too few",
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
  Deno.test(`${JSON.stringify(value)} is no whole number of a port`, () => {
    const args = parse([], FORM, { SENTINEL_PORT: value });
    const message = `--port must be a whole number from 0 to 65535: current value is ${value}`;
    const range = { min: 0, max: 65_535 };
    assertThrows(() => args.integer("port", range), UsageError, message);
    assertThrows(() => args.requiredInteger("port", range), UsageError, message);
  });
}

Deno.test("a number that is given nowhere is required, or is not", () => {
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

Deno.test("--help asks for no operands", () => {
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
    Deno.test(`--${name} takes none but its words, given as ${what}`, () => {
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
