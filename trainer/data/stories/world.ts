/**
 * The one small world that all stories happen in. It is the same for every seed: who lives where, what a place hides,
 * what an animal eats. A model that has read enough of them knows it by heart, a little more with every million tokens.
 */
import { list, rows } from './rows.ts';

export interface Thing {
  noun: string;
  /** What one did with it: `flew`. */
  used: string;
  /** What one does with it: `fly`. */
  use: string;
  /** A part that can break. */
  part: string;
  material: string;
}

export interface Place {
  /** With its preposition: `in the garden`. */
  at: string;
  /** Without: `the garden`. */
  the: string;
  spots: string[];
  sights: string[];
}

export interface Worker {
  noun: string;
  place: string;
  tool: string;
  makes: string;
  mends: string;
}

export interface Feeling {
  feeling: string;
  /** With `THEIR` where the pronoun goes. */
  showed: string[];
}

export interface Weather {
  /** `It was a sunny day.` */
  day: string;
  seasons: string[];
  sky: string[];
  wear: string;
  turns: string;
}

export interface Recipe {
  dish: string;
  verb: string;
  parts: string[];
  tool: string;
  smell: string;
}

export const colours = list(
  'red, blue, green, yellow, white, brown, black, purple, orange, pink, silver, golden, grey',
);
export const looks = list(
  'little, old, new, big, shiny, round, pretty, tiny, fine, heavy, soft, lovely, strange, dusty, long',
);
export const seasons = list('spring, summer, autumn, winter');
export const weekdays = list('Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday');
export const times = list('morning, afternoon, evening, day');

export const things: readonly Thing[] = rows(`
  ball | threw | throw | seam | leather
  kite | flew | fly | tail | paper
  hat | wore | wear | brim | straw
  boat | sailed | sail | mast | wood
  doll | dressed | dress | arm | cloth
  basket | carried | carry | handle | straw
  book | opened | open | cover | paper
  drum | beat | beat | skin | wood
  key | turned | turn | ring | iron
  coat | wore | wear | button | wool
  lamp | lit | light | glass | tin
  cup | filled | fill | handle | clay
  bell | rang | ring | handle | brass
  wagon | pulled | pull | wheel | wood
  scarf | wore | wear | edge | wool
  bucket | filled | fill | handle | tin
  flute | played | play | end | silver
  sled | rode | ride | rope | wood
  clock | wound | wind | hand | brass
  ring | wore | wear | stone | gold
  whistle | blew | blow | ring | tin
  umbrella | opened | open | handle | cloth
  map | read | read | corner | paper
  blanket | folded | fold | corner | wool
  puppet | moved | move | arm | wood
  top | spun | spin | tip | wood
  teapot | filled | fill | lid | clay
  hammer | swung | swing | handle | iron
  rope | tied | tie | knot | straw
  mirror | polished | polish | frame | glass
  bicycle | rode | ride | chain | iron
  robot | moved | move | arm | tin
  train | pushed | push | wheel | tin
  necklace | wore | wear | chain | gold
  guitar | played | play | string | wood
  ladder | climbed | climb | step | wood
  shovel | used | use | handle | iron
  mask | wore | wear | nose | paper
  crown | wore | wear | edge | paper
  feather | waved | wave | tip | down
  telescope | used | use | glass | brass
  net | cast | cast | knot | rope
  flag | waved | wave | edge | cloth
  spoon | polished | polish | handle | silver
  violin | played | play | string | wood
  chest | opened | open | lid | wood
  camera | used | use | button | tin
  lantern | lit | light | glass | paper
  pillow | folded | fold | seam | cloth
  trumpet | played | play | end | brass`).map(([noun = '', used = '', use = '', part = '', material = '']) => ({
  noun,
  used,
  use,
  part,
  material,
}));

export const places: readonly Place[] = rows(`
  in | garden | under the bench, behind the roses, among the cabbages | a butterfly, a snail, tall sunflowers
  in | forest | under the ferns, behind the old oak, beside a log | a deer, red mushrooms, a woodpecker
  in | park | under the swing, beside the fountain, behind the hedge | an old man with a dog, a band, two swans
  at | market | under a table, behind the fish stall, between the baskets | piles of apples, a juggler, many people
  by | river | under the bridge, among the reeds, behind a rock | a fisherman, a wooden boat, silver fish
  in | kitchen | under the stove, behind the door, on the shelf | a pot of soup, a sleepy cat, clean plates
  at | beach | under a towel, behind the dunes, between the rocks | white sails, crabs, a sand castle
  in | barn | under the hay, behind the cart, above the gate | a brown cow, some hens, a black horse
  on | hill | under the pine tree, behind the wall, in the tall grass | the whole village, a flock of sheep, a windmill
  in | attic | under a sheet, behind the trunk, in a dusty box | old letters, a spider, a broken chair
  at | school | under the desk, behind the board, in the drawer | a map of the world, the teacher, a globe
  in | meadow | among the daisies, behind a bush, under a leaf | bees, a grey donkey, a scarecrow
  by | lake | under the pier, among the lilies, behind the boathouse | ducks, a heron, a rowing boat
  in | library | under the stairs, behind the books, between two shelves | a quiet reader, thick books, a lamp
  at | farm | behind the tractor, under the trough, near the fence | pigs, a rooster, fields of wheat
  in | cellar | behind the barrel, under the steps, between the jars | rows of jars, a tiny mouse, potatoes
  in | cave | behind a pillar, under a flat rock, in a crack | bats, old drawings, an icy pool
  at | harbor | behind the crates, under a net, beside the anchor | a big ship, sailors, hungry gulls
  in | orchard | under the ladder, between the roots, behind the plum tree | ripe plums, a hive, a robin
  by | well | behind the bucket, under the moss, between the bricks | a frog, a stone wall, clear water
  at | station | under a seat, behind the clock, near the rails | a long train, a tired traveler, a red signal
  in | workshop | under the bench, behind the paint, in the toolbox | a saw, curly wood shavings, a half-made chair
  on | bridge | beside the railing, behind a post, under a plank | the water below, a cart, a painter
  at | mill | behind the sacks, under the wheel, beside the door | a big wheel, white dust, the miller
  in | tower | behind the bell, under the window, on the last step | the clouds, an owl, a golden bell
  in | square | behind the statue, under a bench, beside the fountain | a puppet show, pigeons, a flower seller
  on | island | under a palm tree, behind the hut, in the sand | a parrot, coconuts, a wrecked ship
  in | castle | behind the throne, under the carpet, inside the armor | a long table, a knight, old paintings
  on | mountain | behind a boulder, under the snow, beside the path | an eagle, a wild goat, a glacier
  in | swamp | between the reeds, under a rotten log, behind a willow | fireflies, a toad, green water`).map(
  ([preposition = '', noun = '', spots = '', sights = '']) => ({
    at: `${preposition} the ${noun}`,
    the: `the ${noun}`,
    spots: list(spots),
    sights: list(sights),
  }),
);

export const workers: readonly Worker[] = rows(`
  baker | bakery | oven | rolls | flour
  carpenter | workshop | saw | chairs | wood
  tailor | shop | needle | coats | cloth
  smith | forge | hammer | horseshoes | iron
  potter | pottery | wheel | bowls | clay
  watchmaker | shop | tiny screwdriver | clocks | brass
  weaver | cottage | loom | blankets | wool
  glazier | shed | cutter | windows | glass
  goldsmith | shop | pliers | rings | gold
  silversmith | shop | little hammer | spoons | silver
  tinker | cart | soldering iron | pans | tin
  shoemaker | shop | awl | boots | leather
  bookbinder | cellar | glue pot | notebooks | paper
  basket maker | yard | knife | mats | straw
  rope maker | long shed | hook | nets | rope
  quilt maker | attic | thimble | pillows | down`).map(
  ([noun = '', place = '', tool = '', makes = '', mends = '']) => ({ noun, place, tool, makes, mends }),
);

/** Every material has somebody who mends it. */
export function menderOf(material: string): Worker {
  const trade = material === 'wood' ? 'carpenter' : undefined;
  return workers.find((worker) => worker.noun === trade || worker.mends === material) ?? (workers[1] as Worker);
}

export const feelings = {
  happy: {
    feeling: 'happy',
    showed: ['laughed out loud', 'clapped THEIR hands', 'jumped up and down', 'smiled all day', 'sang a song'],
  },
  sad: {
    feeling: 'sad',
    showed: ['cried a little', 'hung THEIR head', 'did not say a word', 'wiped THEIR eyes', 'sighed'],
  },
  scared: {
    feeling: 'scared',
    showed: ['shook all over', 'held THEIR breath', 'hid THEIR face', 'could not move', 'wanted to run home'],
  },
  angry: { feeling: 'angry', showed: ['stamped THEIR feet', 'frowned', 'turned red', 'slammed the door', 'shouted'] },
  proud: {
    feeling: 'proud',
    showed: ['stood tall', 'told everybody', 'beamed', 'showed it to the neighbors', 'could not stop smiling'],
  },
  tired: {
    feeling: 'tired',
    showed: ['yawned', 'rubbed THEIR eyes', 'sat down', 'fell asleep at once', 'went straight to bed'],
  },
  sorry: {
    feeling: 'sorry',
    showed: ['looked at the ground', 'blushed', 'could not sleep', 'felt a lump in THEIR throat', 'whispered'],
  },
  lonely: {
    feeling: 'lonely',
    showed: ['looked out of the window', 'talked to the moon', 'kicked a stone', 'sat on the steps', 'wrote a letter'],
  },
} satisfies Record<string, Feeling>;
export type FeelingName = keyof typeof feelings;

export const weathers: readonly Weather[] = rows(`
  sunny | spring, summer, autumn | The sun was shining, The sky was blue, There was not a cloud in the sky | hat | hot
  rainy | spring, autumn | The rain fell on the roofs, The streets were wet, Drops ran down the windows | coat | foggy
  windy | spring, autumn | The wind shook the trees, Leaves danced in the air, The windows rattled | scarf | stormy
  snowy | winter | Snow lay on the fields, The roofs were white, The pond was frozen | coat | icy
  foggy | autumn, winter | Nobody could see the church, The trees looked like ghosts, Fog lay over the fields | scarf | rainy
  hot | summer | The grass was dry, Even the birds were silent, The stones were warm | hat | stormy
  cold | autumn, winter | Frost covered the grass, Smoke rose from the chimneys, The puddles were hard | coat | snowy`).map(
  ([day = '', when = '', sky = '', wear = '', turns = '']) => ({
    day,
    seasons: list(when),
    sky: list(sky),
    wear,
    turns,
  }),
);

export const recipes: readonly Recipe[] = rows(`
  soup | cook | carrots, onions, salt, water | big pot | garlic
  bread | bake | flour, water, salt, yeast | oven | warm crust
  pancakes | fry | eggs, milk, flour, butter | pan | butter
  apple pie | bake | apples, sugar, flour, cinnamon | oven | cinnamon
  jam | cook | strawberries, sugar, lemon | copper pot | berries
  salad | mix | tomatoes, lettuce, oil, cucumber | wooden bowl | herbs
  a cake | bake | eggs, sugar, flour, chocolate | round tin | chocolate
  porridge | cook | oats, milk, honey | small pot | honey
  noodles | cook | flour, eggs, salt | deep pot | steam
  cookies | bake | butter, nuts, sugar, flour | tray | vanilla
  tea | brew | mint, water, honey | teapot | mint
  stew | cook | potatoes, beans, onions, meat | iron pot | pepper`).map(
  ([dish = '', verb = '', parts = '', tool = '', smell = '']) => ({
    dish,
    verb,
    parts: list(parts),
    tool,
    smell,
  }),
);

/** Where each ingredient is found. */
export const sources: Readonly<Record<string, string>> = Object.fromEntries(
  rows(`
  in the garden | carrots, onions, lettuce, cucumber, tomatoes, potatoes, beans, mint, strawberries
  from the well | water
  at the mill | flour, oats
  from the hens | eggs
  from the cow | milk, butter
  in the orchard | apples, nuts, lemon
  from the bees | honey
  at the market | salt, sugar, yeast, oil, cinnamon, chocolate, meat`).flatMap(([where = '', what = '']) =>
    list(what).map((item) => [item, where]),
  ),
);

/** What is counted, with where there are several of it. */
export const flocks: readonly { noun: string; at: string }[] = rows(`
  ducks | on the pond
  apples | in the basket
  stars | in the sky
  sheep | on the hill
  boats | in the harbor
  eggs | in the nest
  books | on the shelf
  candles | on the cake
  stones | by the river
  birds | on the roof
  fish | in the bucket
  coins | in the box
  flowers | in the vase
  children | in the yard
  shells | on the beach
  bottles | in the cellar
  nuts | in the bag
  hens | in the coop
  cups | on the table
  buttons | on the coat`).map(([noun = '', at = '']) => ({ noun, at }));
