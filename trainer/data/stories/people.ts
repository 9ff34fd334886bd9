import { list, rows } from './rows.ts';
import { colours } from './world.ts';

/** Somebody stories are about, with what is true of them in every story. */
export interface Person {
  name: string;
  they: string;
  them: string;
  their: string;
  home: string;
  colour: string;
  food: string;
  wish: string;
  fear: string;
  virtue: string;
  pet: string;
  petName: string;
  sibling: string;
}

const homes = list(
  'by the mill, near the church, at the edge of the forest, in the yellow house, behind the school, above the bakery, by the old bridge, on Hill Street, next to the river, in the tall tower, at the farm, near the harbor, across from the market',
);
const tastes = list(
  'apple pie, honey, pancakes, carrot soup, cherries, cheese, fresh bread, plums, noodles, nuts, strawberries, cake, rice, corn, pears, raisins',
);
const wishes = list(
  'to swim across the lake, to ride a horse, to play the flute, to whistle, to climb the old oak, to paint the sea, to bake bread, to count the stars, to sail a boat, to speak with birds, to see the snow, to build a house, to write a song, to find a treasure, to fly, to become a doctor, to drive a train',
);
const fears = list(
  'the dark, thunder, spiders, deep water, loud noises, high places, big dogs, strangers, bees, ghosts, the cold',
);
const virtues = list(
  'kind, brave, clever, patient, honest, quick, quiet, cheerful, careful, strong, curious, shy, proud, lazy',
);
const pets = rows(`
  cat | Whiskers
  dog | Rex
  rabbit | Clover
  parrot | Coco
  pony | Star
  turtle | Speedy
  mouse | Pip
  goose | Greta
  dog | Biscuit
  cat | Shadow
  hen | Henny
  goat | Billy`);

const girls = list(
  'Mia, Anna, Lily, Emma, Ruth, Nora, Ella, Clara, Zoe, Ida, Rosa, Lucy, Eva, Sara, Alice, Maya, Hanna, June, Flora, Greta, Olga, Vera, Wanda, Iris, Kate, Tess, Amy, Dora, Nina, Paula',
);
const boys = list(
  'Tom, Ben, Max, Leo, Sam, Jack, Paul, Finn, Hugo, Oscar, Noah, Adam, Theo, Emil, Felix, Ivan, Karl, Luke, Mark, Nick, Otto, Peter, Ralph, Simon, Toby, Victor, Will, Yann, Anton, Bruno',
);

/** The 60 people: girls and boys in turn, the first ones in the most stories. */
export const people: readonly Person[] = girls.flatMap((girl, i) => [
  person(girl, 2 * i, 'she', 'her', 'her'),
  person(boys[i] as string, 2 * i + 1, 'he', 'him', 'his'),
]);

// The factors are coprime with the lengths, so that every fact is spread evenly and none follows from another.
function person(name: string, index: number, they: string, them: string, their: string): Person {
  const one = (items: readonly string[], factor: number, shift: number) =>
    items[(index * factor + shift) % items.length] as string;
  const [pet, petName] = pets[(index * 5 + 3) % pets.length] as [string, string];
  return {
    name,
    they,
    them,
    their,
    home: one(homes, 5, 2),
    colour: one(colours.slice(0, 11), 7, 4),
    food: one(tastes, 4, 1),
    wish: one(wishes, 6, 3),
    fear: one(fears, 3, 5),
    virtue: one(virtues, 9, 6),
    pet,
    petName,
    sibling: one(['brother', 'sister', 'cousin', 'grandmother', 'grandfather', 'uncle', 'aunt'], 3, 1),
  };
}
