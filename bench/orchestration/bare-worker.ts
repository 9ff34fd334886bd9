import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { slots } from './server.ts';

// A plain worker of the workflows in bare-workflows.ts: `bare-worker.js ADDRESS QUEUE`. It serves until SIGTERM.

const [, , address = '', taskQueue = ''] = process.argv;
const logger = new DefaultLogger('WARN');
Runtime.install({ logger });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowBundle: await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./bare-workflows.js', import.meta.url)),
    logger,
  }),
  activities: { nothing: async () => undefined },
  maxConcurrentActivityTaskExecutions: slots,
});
await worker.run();
await connection.close();
