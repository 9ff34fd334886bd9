/** What the worker is given as workflows, and what is bundled. */
export { lineageWorkflow } from './lineage.ts';
export { nodeWorkflow } from './node.ts';
