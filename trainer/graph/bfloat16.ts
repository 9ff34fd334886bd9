/** How products in bfloat16 are taken. */
import { runtime } from '../tf.ts';
import { hasBfloat16Units } from './bfloat16-units.ts';
import { knowShapes } from './shapes.ts';

/** An operator of our own: the float32 nearest to each number that bfloat16 has as well. */
export const roundToBfloat16 = 'DescentRoundToBfloat16';
knowShapes(roundToBfloat16, ([x]) => [x]);

/** Whether products of bfloat16 are left to units for them; elsewhere rounded matrices are multiplied as float32. */
export const multipliesBfloat16: boolean = hasBfloat16Units(runtime);
