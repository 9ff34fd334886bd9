import { describeMutations } from './mutations.ts';

describeMutations(21, 200);
