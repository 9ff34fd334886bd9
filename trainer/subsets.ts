/**
 * What k responses would have given, from n of them: the mean over all k-subsets of the n, which is unbiased for k fresh
 * responses. All of it is exact; nothing is drawn.
 */

/**
 * Pass@k: whether one of k responses is right, from n of which c are. 1 - C(n-c, k) / C(n, k), the share of the k-subsets
 * that hold a right one (Chen et al. 2021, arXiv 2107.03374). Throws a RangeError unless all are integers with
 * 0 <= c <= n and 1 <= k <= n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (![n, c].every(Number.isInteger) || c < 0 || c > n)
    throw new RangeError(`Pass@k needs integers with 0 <= c <= n, not n ${n}, c ${c}`);
  requireSubset(n, k);
  return 1 - shareWithin(n - c, n, k);
}

/** What a response says: its answer in one form for equal answers, null where none was found, and whether it is right. */
export interface Vote {
  answer: string | null;
  correct: boolean;
}

/**
 * Maj@k: whether the commonest answer among k responses is right (self-consistency, Wang et al. 2022, arXiv 2203.11171).
 * Right responses are one party whatever they wrote, and wrong ones a party an answer. Responses without an answer do not
 * vote, and where nobody votes nothing is right. Parties that tie share evenly: so does the field's rule, by which the answer
 * that came first wins, on average over the orders in which exchangeable responses come.
 *
 * The mean over the k-subsets is summed by how many right ones a subset has, and for each of these by how many of the other
 * parties are as large. Throws a RangeError unless k is an integer from 1 to their number.
 */
export function majorityAtK(votes: readonly Vote[], k: number): number {
  requireSubset(votes.length, k);
  const right = votes.filter(({ correct }) => correct).length;
  const parties = new Map<string, number>();
  for (const { answer, correct } of votes)
    if (!correct && answer !== null) parties.set(answer, (parties.get(answer) ?? 0) + 1);
  const rivals = [...parties.values()];
  const others = votes.length - right;
  let share = 0;
  for (let chosen = 1; chosen <= Math.min(right, k); chosen++) {
    const rest = k - chosen;
    if (rest > others) continue;
    share += drawn(right, chosen, votes.length, k) * shareWon(rivals, others, rest, chosen);
  }
  return Math.min(1, share);
}

/**
 * RM@k: whether the response that a reward model likes best among k is right, from the scores of n. Equal scores share
 * evenly. Throws a RangeError unless k is an integer from 1 to their number, and where a score is not a number.
 */
export function bestAtK(scored: readonly { score: number; correct: boolean }[], k: number): number {
  const n = scored.length;
  requireSubset(n, k);
  const groups = new Map<number, { size: number; right: number }>();
  for (const { score, correct } of scored) {
    if (Number.isNaN(score))
      throw new RangeError('the best of several responses needs scores that are numbers, not NaN');
    const group = groups.get(score) ?? { size: 0, right: 0 };
    groups.set(score, { size: group.size + 1, right: group.right + Number(correct) });
  }
  let [share, upTo] = [0, 0];
  for (const [, { size, right }] of [...groups].sort(([a], [b]) => a - b)) {
    const isBest = shareWithin(upTo + size, n, k) - shareWithin(upTo, n, k);
    share += isBest * (right / size);
    upTo += size;
  }
  return share;
}

/** The share of the k-subsets of n that lie within m of them: C(m, k) / C(n, k), as a product that cannot overflow. */
function shareWithin(m: number, n: number, k: number): number {
  if (m < k) return 0;
  let share = 1;
  for (let i = m + 1; i <= n; i++) share *= 1 - k / i;
  return share;
}

/**
 * What a party with so many votes wins on average when so many more are drawn, without replacement, from a pool that holds
 * its rivals and responses without an answer: nothing where a rival has more, an even share where some have as many.
 */
function shareWon(rivals: readonly number[], pool: number, draws: number, votes: number): number {
  const large = rivals.filter((size) => size >= votes); // smaller ones can do neither
  /** Probabilities by how many draws are left, and how many rivals have drawn level. */
  let states = new Map<number, Float64Array>([[draws, Float64Array.of(1, ...large.map(() => 0))]]);
  let left = pool;
  for (const size of large) {
    const next = new Map<number, Float64Array>();
    for (const [toDraw, byLevel] of states) {
      for (let taken = Math.max(0, toDraw - (left - size)); taken <= Math.min(votes, toDraw); taken++) {
        const chance = drawn(size, taken, left, toDraw);
        const into = next.get(toDraw - taken) ?? new Float64Array(byLevel.length);
        next.set(toDraw - taken, into);
        for (const [level, probability] of byLevel.entries()) {
          if (probability > 0) (into[level + Number(taken === votes)] as number) += probability * chance;
        }
      }
    }
    states = next;
    left -= size;
  }
  let won = 0;
  for (const byLevel of states.values())
    for (const [level, probability] of byLevel.entries()) won += probability / (level + 1);
  return won;
}

/** The hypergeometric probability that of k draws without replacement from n, so many are among c marked ones. */
function drawn(c: number, among: number, n: number, k: number): number {
  return Math.exp(logChoose(c, among) + logChoose(n - c, k - among) - logChoose(n, k));
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const logFactorials = [0];

function logFactorial(n: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials.push((logFactorials[i - 1] as number) + Math.log(i));
  return logFactorials[n] as number;
}

function requireSubset(n: number, k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > n)
    throw new RangeError(`a figure at k needs an integer with 1 <= k <= n, not k ${k} of n ${n}`);
}
