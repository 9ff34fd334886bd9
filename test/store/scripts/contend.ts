// Begins an attempt at a node and publishes it, one step at each line that it reads; says what came of each.
import { createInterface } from 'node:readline';
import { publish } from '../../../store/artifact.ts';
import { beginAttempt } from '../../../store/attempt.ts';
import { holdsLease } from '../../../store/lease.ts';
import { leaveFiles, nodeNamed, publication } from '../support.ts';

const [home = '', name = ''] = process.argv.slice(2);
const node = nodeNamed(name);
const steps = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

await steps.next();
const begun = await beginAttempt(home, node);
if (begun.state === 'published') {
  process.stdout.write('published already\n');
} else {
  const { attempt } = begun;
  process.stdout.write(`begun ${attempt.number} ${attempt.executions}\n`);
  await steps.next();
  const held = holdsLease(attempt.leasePath, attempt.token);
  if (held) await leaveFiles(attempt);
  await publish(attempt, publication(attempt, node.preimage)).then(
    () => process.stdout.write('published\n'),
    (error: Error) => process.stdout.write(`${error.name} ${held ? 'although it held the lease' : 'as it saw'}\n`),
  );
}
process.exit(0);
