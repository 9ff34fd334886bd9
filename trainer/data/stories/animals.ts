import { rows } from './rows.ts';

/** What is true of an animal in every story and every problem. */
export interface Animal {
  noun: string;
  said: string;
  moved: string;
  food: string;
  home: string;
  /** From 1, a snail, to 6, a horse. */
  size: number;
  legs: number;
  cover: string;
  swims: boolean;
  flies: boolean;
}

export const animals: readonly Animal[] = rows(`
  cat | meowed | crept | fish | basket | 2 | 4 | fur | - | -
  dog | barked | ran | bones | kennel | 3 | 4 | fur | swims | -
  rabbit | squeaked | hopped | carrots | burrow | 2 | 4 | fur | - | -
  fox | yelped | sneaked | grapes | den | 3 | 4 | fur | - | -
  bear | growled | walked | honey | cave | 5 | 4 | fur | swims | -
  mouse | squeaked | scurried | cheese | hole | 1 | 4 | fur | - | -
  duck | quacked | waddled | bread | pond | 2 | 2 | feathers | swims | flies
  owl | hooted | glided | mice | hollow tree | 2 | 2 | feathers | - | flies
  frog | croaked | leaped | flies | pond | 1 | 4 | skin | swims | -
  squirrel | chattered | climbed | nuts | tree | 1 | 4 | fur | - | -
  horse | neighed | galloped | oats | stable | 6 | 4 | hair | swims | -
  goat | bleated | jumped | leaves | shed | 4 | 4 | hair | - | -
  wolf | howled | prowled | meat | den | 4 | 4 | fur | swims | -
  hedgehog | snuffled | trotted | beetles | heap of leaves | 1 | 4 | spines | - | -
  crow | cawed | flapped | corn | nest | 2 | 2 | feathers | - | flies
  sheep | bleated | wandered | grass | fold | 4 | 4 | wool | - | -
  turtle | sighed | crawled | salad | shell | 2 | 4 | scales | swims | -
  cow | mooed | strolled | hay | barn | 6 | 4 | hair | - | -
  pig | grunted | rolled | turnips | sty | 4 | 4 | skin | - | -
  bee | buzzed | flew | nectar | hive | 1 | 6 | hair | - | flies
  beaver | whined | paddled | bark | dam | 3 | 4 | fur | swims | -
  goose | honked | marched | grain | coop | 3 | 2 | feathers | swims | flies
  deer | snorted | bounded | berries | thicket | 5 | 4 | hair | swims | -
  otter | chirped | slid | shrimp | riverbank | 3 | 4 | fur | swims | -
  hen | clucked | pecked | seeds | coop | 2 | 2 | feathers | - | -
  snail | whispered | crept | lettuce | shell | 1 | 0 | skin | - | -
  penguin | called | waddled | herring | colony | 3 | 2 | feathers | swims | -
  parrot | shouted | fluttered | fruit | cage | 2 | 2 | feathers | - | flies
  bat | squeaked | swooped | moths | cave | 1 | 2 | fur | - | flies
  donkey | brayed | plodded | thistles | stall | 5 | 4 | hair | - | -`).map(
  ([noun = '', said = '', moved = '', food = '', home = '', size, legs, cover = '', swims, flies]) => ({
    noun,
    said,
    moved,
    food,
    home,
    size: Number(size),
    legs: Number(legs),
    cover,
    swims: swims === 'swims',
    flies: flies === 'flies',
  }),
);
