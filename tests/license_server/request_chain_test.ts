/** Copies of a machine's state, and what only looks like them: crashes, lost answers, late requests, old states put back. */
import { assert, assertEquals } from "@std/assert";
import type { NonceLink } from "../../src/activation/nonce_chain.ts";
import { followChain } from "../../src/license_server/request_chain.ts";
import { seededRandom } from "../support/seeded_random.ts";

const HOUR_MS = 3_600_000, LONGEST_GAP_MS = 24 * HOUR_MS;

/** The license server's view of one machine. */
class Server {
  nowMs = 0;
  found = 0;
  /** Whether a request showed that copies are still in use. */
  isKnown = false;
  chainJson: string | undefined;

  receive(link: NonceLink): void {
    const clock = { nowMs: this.nowMs, longestGapMs: LONGEST_GAP_MS };
    const { chainJson, copies } = followChain(this.chainJson, link, clock);
    this.chainJson = chainJson;
    if (copies === "found") this.found++;
    if (copies === "known") this.isKnown = true;
  }
}

/** A machine, as its state folder and its process know it. */
class Machine {
  #saved: string;
  #known: string;

  constructor(readonly server: Server, readonly random: () => number, known = "00000000") {
    this.#saved = this.#known = known;
  }

  get saved(): string {
    return this.#saved;
  }

  /** A request that is on its way. */
  request(): NonceLink {
    const name = Math.floor(this.random() * 2 ** 32).toString(16).padStart(8, "0");
    return { name, answered: this.#known };
  }

  /** A heartbeat that is answered, and whose answer is saved unless the disk is full. */
  beat({ isSaved = true } = {}): void {
    const link = this.request();
    this.server.receive(link);
    this.#known = link.name;
    if (isSaved) this.#saved = link.name;
  }

  restart(state = this.#saved): void {
    this.#saved = this.#known = state;
  }

  copy(): Machine {
    return new Machine(this.server, this.random, this.#saved);
  }
}

function startMachine(seed = 1): { server: Server; machine: Machine; random: () => number } {
  const server = new Server(), random = seededRandom(seed);
  const machine = new Machine(server, random);
  for (let i = 0; i < 3; i++) machine.beat();
  return { server, machine, random };
}

Deno.test("two copies that take turns are found once, at the fourth heartbeat of each", () => {
  const { server, machine } = startMachine();
  const copy = machine.copy();
  for (let i = 0; i < 3; i++) {
    machine.beat();
    copy.beat();
  }
  assertEquals(server.found, 0);
  machine.beat();
  copy.beat();
  assertEquals(server.found, 1);
  machine.beat();
  assertEquals([server.found, server.isKnown], [1, true]);
});

for (const count of [2, 3, 8, 20]) {
  Deno.test(`${count} copies that beat in any order are found within a few heartbeats of each`, () => {
    for (let seed = 1; seed <= 100; seed++) {
      const { server, machine, random } = startMachine(seed);
      const copies = Array.from({ length: count }, () => machine.copy());
      for (let beats = 0; server.found === 0; beats++) {
        assert(beats < 12 * count, `seed ${seed}`);
        copies[Math.floor(random() * count)]!.beat();
      }
    }
  });
}

Deno.test("20 copies that beat in the same order are found within a few heartbeats of each", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { server, machine } = startMachine(seed);
    const copies = Array.from({ length: 20 }, () => machine.copy());
    for (let round = 0; server.found === 0; round++) {
      assert(round < 12, `seed ${seed}`);
      for (const copy of copies) copy.beat();
    }
  }
});

Deno.test("two copies are found if one beats rarely, and if answers of both are lost", () => {
  const { server, machine, random } = startMachine();
  const copy = machine.copy();
  for (let i = 0; i < 100; i++) {
    machine.beat();
    if (random() < 0.3) server.receive(machine.request());
    if (i % 20 === 0) copy.beat();
    if (random() < 0.3) server.receive(copy.request());
  }
  assertEquals(server.found, 1);
});

Deno.test("copies are found again if one was silent for longer than the gap", () => {
  const { server, machine } = startMachine();
  const copy = machine.copy();
  const takeTurns = (times: number) => {
    for (let i = 0; i < times; i++) {
      server.nowMs += HOUR_MS;
      machine.beat();
      copy.beat();
    }
  };
  takeTurns(6);
  for (let i = 0; i < 30; i++) {
    server.nowMs += HOUR_MS;
    machine.beat();
  }
  assertEquals(server.found, 1);
  takeTurns(6);
  assertEquals(server.found, 2);
});

/** Events in the life of one machine with one state. */
const HONEST_EVENTS: readonly ((machine: Machine, life: Life) => void)[] = [
  (machine) => machine.beat(),
  // the answer is lost, or Sentinel is killed before it is saved
  (machine, { server }) => server.receive(machine.request()),
  (machine, { server }) => {
    server.receive(machine.request());
    machine.restart();
  },
  // the request is lost
  (machine) => void machine.request(),
  // a full disk: the next start knows less
  (machine) => machine.beat({ isSaved: false }),
  (machine) => machine.restart(),
  // a request that arrives after it was given up, and after later ones
  (machine, { late }) => void late.push(machine.request()),
  (machine, { late }) => {
    late.push(machine.request());
    machine.restart();
  },
  (_, { late, server }) => late.splice(0).forEach((link) => server.receive(link)),
];

interface Life {
  readonly server: Server;
  readonly late: NonceLink[];
}

Deno.test("a machine whose Sentinel is killed, and loses requests, answers and saves, is no copy", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const { server, machine, random } = startMachine(seed);
    const late: NonceLink[] = [];
    for (let i = 0; i < 200; i++) {
      HONEST_EVENTS[Math.floor(random() * HONEST_EVENTS.length)]!(machine, { server, late });
    }
    assertEquals([server.found, server.isKnown], [0, false], `seed ${seed}`);
  }
});

Deno.test("a state that is put back again and again, and goes on from there, is no copy", () => {
  const { server, machine, random } = startMachine();
  const backup = machine.saved;
  for (let i = 0; i < 50; i++) {
    for (let beats = 0; beats <= random() * 5; beats++) machine.beat();
    machine.restart(random() < 0.5 ? backup : undefined);
  }
  assertEquals(server.found, 0);
});

Deno.test("a backup that is put back, and taken away again, is no copy", () => {
  const { server, machine } = startMachine();
  const backup = machine.saved;
  const beat = () => {
    for (let i = 0; i < 3; i++) machine.beat();
  };
  beat();
  const latest = machine.saved;
  machine.restart(backup);
  beat();
  machine.restart(latest);
  beat();
  assertEquals(server.found, 0);
});

Deno.test("the stored chain stays small, however many states are put back", () => {
  const { server, machine } = startMachine();
  const backup = machine.saved;
  for (let i = 0; i < 500; i++) {
    machine.beat();
    machine.beat();
    for (let lost = 0; lost < 20; lost++) server.receive(machine.request());
    machine.restart(backup);
  }
  assert(server.chainJson!.length < 4096, String(server.chainJson!.length));
});
