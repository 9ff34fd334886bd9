"""Shows two GPUs to a driver that asks for them."""

import torch

torch.cuda.device_count = lambda: 2
