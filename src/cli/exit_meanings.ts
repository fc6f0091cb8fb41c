/** What each exit status means to whoever called, in the order of the manual. */
export const EXIT_MEANINGS: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "done; of run: the software ended with 0"],
  ["N", "of run: the software's own status; 128 + S where signal S ended it"],
  ["2", "usage or configuration"],
  ["70", "a fault of ours (please report it)"],
  ["80", "the licence file is not valid"],
  [
    "81",
    "refused by the licence server (revoked, suspended, expired, machine limit, decommissioned)",
  ],
  ["82", "the licence server cannot be reached, and there is no grace"],
  ["83", "the hardware is not the licence's"],
  ["84", "the software cannot be launched, or its checksum differs"],
  ["85", "already running"],
  ["86", "permission denied"],
  ["87", "nobody there: daemon, socket or server does not answer"],
  ["88", "there is no such process"],
  ["137", "killed for tampering, as a debugger or a foreign library was found"],
];
