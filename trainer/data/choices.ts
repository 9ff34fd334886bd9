/** Items with choices, made of what the generators draw: built-in stand-ins for cloze benchmarks. */
import { type ChoiceItem, choiceDelimiter } from '../../schemas/choices.ts';
import type { Random } from '../random.ts';
import { documentSplit, type ProblemContent, problemSplit } from './problem.ts';
import { people } from './stories/people.ts';
import type { Tale } from './stories/teller.ts';
import { kindOfStory, told } from './stories.ts';

type Item = Omit<ChoiceItem, 'id'>;

/** How many endings there are to choose from, and how many other stories are told to find them. */
const endings = 4;
const mostStories = 40;

/**
 * Which sentence ends a story, after HellaSwag (Zellers et al. 2019, arXiv 1905.07830): its own, among those of other stories
 * of its kind with its people in place of theirs. The story is of those kept aside, so none that a training reads.
 */
export function endingItem(random: Random): Item {
  for (;;) {
    const kind = kindOfStory(random);
    const { context, ending } = heldoutStory(random, kind);
    const found = new Set([ending]);
    for (let stories = 0; found.size < endings && stories < mostStories; stories++) {
      const other = parted(told(random, kind));
      if (other !== undefined) found.add(renamed(other, context));
    }
    if (found.size < endings) continue; // a kind of story that always ends alike
    const continuations = random.shuffle([...found]);
    return {
      choices: continuations.map((continuation) => ({ context, continuation })),
      gold: continuations.indexOf(ending),
    };
  }
}

/** Which of its labels answers a test problem, as ARC is asked. */
export function labelItem(problem: (random: Random) => ProblemContent): (random: Random) => Item {
  return (random) => {
    for (;;) {
      const { prompt, answer, labels = [] } = problem(random);
      if (problemSplit(prompt) !== 'test') continue;
      const choices = labels.map((continuation) => ({ context: `Question: ${prompt}\nAnswer:`, continuation }));
      return { choices, gold: labels.indexOf(answer) };
    }
  };
}

interface Parted {
  context: string;
  ending: string;
}

function heldoutStory(random: Random, kind: Tale): Parted {
  for (;;) {
    const text = told(random, kind);
    const parts = documentSplit(text) === 'heldout' ? parted(text) : undefined;
    if (parts !== undefined) return parts;
  }
}

/** A text of two sentences or more, parted before its last. */
function parted(text: string): Parted | undefined {
  const [, context, ending] = /^(.+[.!?]"?) ((?:"|\p{Lu}).*)$/su.exec(text) ?? [];
  return context === undefined || ending === undefined ? undefined : { context, ending };
}

const names = new RegExp(`\\b(?:${people.map(({ name }) => name).join('|')})\\b`, 'g');

/** The ending of a story with the people of another context: its first is that one's first, and so on, round and round. */
function renamed({ context, ending }: Parted, into: string): string {
  const [theirs, ours] = [`${context}${choiceDelimiter}${ending}`, into].map((text) => [...new Set(text.match(names))]);
  if (ours === undefined || ours.length === 0) return ending;
  return ending.replace(names, (name) => ours[(theirs?.indexOf(name) ?? 0) % ours.length] as string);
}
