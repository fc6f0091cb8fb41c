import type { NonceLink } from "../activation/nonce_chain.ts";

/** Requests of which each knows the answer to the one before. */
interface Branch {
  /** The answer that the latest requests know. */
  readonly known: string;
  /** The latest requests, of which the machine knows at most one answer; the last of them came last. */
  readonly latest: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly seenAtMs: number;
  /** Whether the latest request knows an answer that was given to this branch. */
  readonly isAlive: boolean;
  /** Whether it went on after requests of another branch had come between. */
  readonly hasReturned: boolean;
}

/**
 * The requests of one machine. One copy of its state leaves one branch: it knows the answer to its latest request, or, if that
 * answer was lost or not saved, the one before. An older state, put back, begins a branch and leaves the other for good. Two
 * copies continue their branches in turn.
 */
interface RequestChain {
  /** The one that was continued last comes first. */
  readonly branches: readonly Branch[];
  /** How often two branches were both proven to be in use. */
  readonly proofs: number;
}

/** The chain after a request, as it is stored, and whether two copies of the state are in use. */
export interface FollowedChain {
  readonly chainJson: string;
  /** `found`: with this request. `known`: since an earlier one. */
  readonly copies: "none" | "found" | "known";
}

/** A state that is put back and forth by hand may prove it once. */
const ENOUGH_PROOFS = 2;

/** Bounds what is stored. */
const MAX_BRANCHES = 16, MAX_LATEST = 8;

/**
 * Adds a request to its machine's chain.
 *
 * A single return proves nothing, as a request may be delayed on its way until after the machine was restarted. But a branch
 * that returns once more knows an answer that was given after the other branch had been seen.
 *
 * @param chainJson The stored chain; `undefined` before the first linked request.
 * @param longestGapMs A branch that was silent for longer counts as ended.
 */
export function followChain(
  chainJson: string | undefined,
  link: NonceLink,
  { nowMs, longestGapMs }: { readonly nowMs: number; readonly longestGapMs: number },
): FollowedChain {
  const stored: RequestChain = chainJson === undefined
    ? { branches: [], proofs: 0 }
    : JSON.parse(chainJson);
  const branches = stored.branches.filter(({ seenAtMs }) => nowMs - seenAtMs <= longestGapMs);
  const before = branches.length > 1 ? stored.proofs : 0;
  const [last] = branches;
  const found = findBranch(branches, link);
  const isReturn = found?.isAnswered === true && found.branch !== last;
  const isProof = isReturn && found.branch.hasReturned && last?.isAlive === true;
  const proofs = before + Number(isProof);
  const branch = {
    ...continueBranch(found, link),
    seenAtMs: nowMs,
    hasReturned: isReturn || found?.branch.hasReturned === true,
  };
  const others = branches.filter((other) => other !== found?.branch);
  // a random one: of many copies that take turns, the least recent one would always be the next to return
  if (others.length === MAX_BRANCHES) others.splice(parseInt(link.name, 16) % MAX_BRANCHES, 1);
  return {
    chainJson: JSON.stringify({ branches: [branch, ...others], proofs } satisfies RequestChain),
    copies: judgeProofs(proofs, isProof),
  };
}

interface FoundBranch {
  readonly branch: Branch;
  /** Whether the request knows an answer to one of the branch's latest; otherwise it knows what they know. */
  readonly isAnswered: boolean;
}

function findBranch(
  branches: readonly Branch[],
  { answered }: NonceLink,
): FoundBranch | undefined {
  const own = branches.find(({ latest }) => latest.includes(answered));
  if (own !== undefined) return { branch: own, isAnswered: true };
  const branch = branches.find(({ known }) => known === answered);
  return branch && { branch, isAnswered: false };
}

function continueBranch(
  found: FoundBranch | undefined,
  { name, answered }: NonceLink,
): Pick<Branch, "known" | "latest" | "isAlive"> {
  if (found?.isAnswered === false) {
    const latest = [...found.branch.latest, name].slice(-MAX_LATEST);
    return { known: answered, latest, isAlive: false };
  }
  return { known: answered, latest: [name], isAlive: found !== undefined };
}

function judgeProofs(proofs: number, isProof: boolean): FollowedChain["copies"] {
  if (!isProof || proofs < ENOUGH_PROOFS) return "none";
  return proofs === ENOUGH_PROOFS ? "found" : "known";
}
