import type { Peer } from '../peers/peer.ts';

/**
 * What Descent's trainer is measured against. PyPI's PyTorch for Linux brings CUDA's libraries, gigabytes of them; pip
 * prefers the one without, `2.15.0+cpu`, where PIP_EXTRA_INDEX_URL names PyTorch's own index of it.
 */
export const pytorch: Peer = {
  name: 'PyTorch with transformers',
  releases: ['torch==2.15.0', 'transformers==5.23.0'],
  onPath: ['python3'],
  inEnvironment: (python) => [python],
  version: [
    '-c',
    "import torch, transformers; print(f'PyTorch {torch.__version__}, transformers {transformers.__version__}')",
  ],
};
