// Ingests the attempt of the second node of the plan, again and again; says so after each time.
import { join } from 'node:path';
import { withDatabase } from '../../../results/database.ts';
import { ingestAttempt } from '../../../results/ingest.ts';
import { makePlan } from '../lineage.ts';

const [home = '', folder = ''] = process.argv.slice(2);
const node = makePlan().nodes[1];
if (!node) throw new Error('the plan has no second node');
for (;;) {
  await withDatabase(home, 'write', (connection) =>
    ingestAttempt(connection, { node, manifest: null, folder: join(folder) }),
  );
  process.stdout.write('ingested\n');
}
