// Compiles the sources and the schemas into dist/ and bundles the workflows, where they changed: `npm run build`.
import { runCommand } from './setup/command.mjs';
import { buildSteps, runSteps } from './setup/steps.mjs';

await runCommand(async (progress) => {
  await runSteps(buildSteps, progress);
});
