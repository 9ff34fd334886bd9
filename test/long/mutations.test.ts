import { describeMutations } from '../planner/mutations.ts';

describeMutations(1021, 2_000);
