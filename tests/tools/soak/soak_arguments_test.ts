import { assertEquals } from "@std/assert";
import { parseSoakArguments } from "../../../tools/soak/soak_arguments.ts";

Deno.test("without arguments a soak takes two minutes with ten runs and any seed", () => {
  assertEquals(parseSoakArguments([]), {
    ...{ minutes: 2, seed: undefined, runs: 10, outageHours: 48, faults: false, help: false },
  });
});

Deno.test("the arguments are parsed as given", () => {
  const args = ["--minutes", "0.5", "--seed=7", "--runs", "3", "--outage-hours", "0", "--faults"];
  assertEquals(parseSoakArguments(args), {
    ...{ minutes: 0.5, seed: 7, runs: 3, outageHours: 0, faults: true, help: false },
  });
});

const WRONG: Readonly<Record<string, string>> = {
  "--minutes x": "--minutes must be a number: current value is x",
  "--runs 0": "--runs must be a whole number above 0: current value is 0",
  "--seed=-1": "--seed must be a whole number: current value is -1",
  "--lengthy": "unknown argument: --lengthy",
  "10": "unknown argument: 10",
};

for (const [args, answer] of Object.entries(WRONG)) {
  Deno.test(`${args} is refused`, () => assertEquals(parseSoakArguments(args.split(" ")), answer));
}
