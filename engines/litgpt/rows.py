"""Rows of tokens that Descent wrote, in the order of training."""

from pathlib import Path

import numpy
import torch
from litgpt.data import DataModule
from torch.utils.data import DataLoader, Dataset


class _File(Dataset):
    def __init__(self, path: Path, bytes_a_token: int, width: int, first: int):
        self.rows = numpy.memmap(path, dtype=f"<u{bytes_a_token}", mode="r").reshape(-1, width)[first:]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return torch.from_numpy(self.rows[index].astype("i4"))


class _Loader(DataLoader):
    """Leaves nothing of itself in a checkpoint: where to go on follows from the step."""

    def state_dict(self):
        return {}

    def load_state_dict(self, _):
        pass


class Rows(DataModule):
    """Each row is `context + 1` token ids of two or four bytes, little end first; `first` rows were read before."""

    def __init__(self, path: str, bytes_a_token: int, context: int, first: int = 0):
        super().__init__()
        self.path, self.bytes_a_token, self.context, self.first = Path(path), bytes_a_token, context, first
        self.batch_size = 1

    def connect(self, tokenizer=None, batch_size: int = 1, max_seq_length: int | None = None, **_more):
        self.batch_size = batch_size

    def train_dataloader(self):
        return _Loader(_File(self.path, self.bytes_a_token, self.context + 1, self.first), batch_size=self.batch_size)

    def val_dataloader(self):
        # LitGPT looks whether it can be validated; nothing comes of it.
        return _Loader(_File(self.path, self.bytes_a_token, self.context + 1, 0), batch_size=self.batch_size)
