"""LitGPT's pretraining, driven by Descent: `python driver.py <run.json>`.

LitGPT's own command line reads its configuration, and its `litgpt.pretrain` trains. In place of some of its functions stand ours:
what it logs becomes events; learning rates are those of Descent's schedule; checkpoints appear whole, when Descent's placement
says; and a run that goes on begins to read where its checkpoint ended.
"""

import json
import math
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import descent

import torch

if not torch.cuda.is_available():
    os.environ["TORCHDYNAMO_DISABLE"] = "1"  # to compile takes a C++ compiler, and longer than a small run does

import shutil

import lightning
import litgpt.pretrain
from jsonargparse import CLI, set_docstring_parse_options
from lightning.fabric.loggers import Logger
from litgpt.config import Config
from litgpt.scripts.convert_hf_checkpoint import copy_weights_hf_llama
from litgpt.scripts.convert_lit_checkpoint import copy_weights_llama
from litgpt.utils import save_config
from safetensors.torch import load_file, save_file

checkpoints_kept = 2


class Stopped(Exception):
    """Raised between two steps, once what was done is saved."""


class Run(Logger):
    """A run of LitGPT: its logger, which LitGPT calls after each step, and what else depends on how far it is."""

    name, version = "descent", 0

    def __init__(self, said: dict):
        self.said = said
        self.folder = Path(said["checkpoints"])
        self.rates = said["learningRates"]
        self.accumulate = said["iterationsAStep"]
        self.resumed = next(iter(descent.checkpoints(self.folder)), (0, None))
        self.saved = self.resumed[0]
        self.saved_at = time.monotonic()
        self.fabric = self.state = None

    def rate(self, _peak, iteration, *_):
        return self.rates[iteration // self.accumulate]

    def log_hyperparams(self, *_args, **_more):
        pass

    def log_metrics(self, metrics, step=None):
        if "loss" not in metrics:
            return
        step = metrics["step"]
        values = {"loss": metrics["loss"], "lr": metrics["learning_rate"]}
        if not math.isfinite(metrics["loss"]):
            descent.fail("diverged", f"loss became {metrics['loss']} at step {step}: training diverged")
        descent.emit("metrics", step=step, values=values)
        if step == len(self.rates):
            return
        stopping = descent.stop_requested()
        every = self.said["checkpointEvery"]
        due = step % every == 0 if every > 0 else time.monotonic() - self.saved_at >= 60
        if (stopping and self.saved < step) or due:
            self.save(step)
        if stopping:
            raise Stopped

    def save(self, step: int) -> None:
        name = f"step-{step:06d}"
        descent.whole(self.folder / name, lambda folder: self.fill(folder, step))
        self.saved, self.saved_at = step, time.monotonic()
        for _, old in descent.checkpoints(self.folder)[checkpoints_kept:]:
            shutil.rmtree(old)
        descent.emit("checkpoint", step=step, path=f"{self.folder.name}/{name}")

    def fill(self, folder: Path, step: int) -> None:
        save(self.fabric, self.state, None, folder / "lit_model.pth")
        to_hugging_face(folder / "lit_model.pth", self.state["model"].config, folder / "model.safetensors")
        tokens = step * self.said["rowsAStep"] * self.said["model"]["block_size"]
        state = {"key": self.said["key"], "step": step, "tokens": tokens, "updates": {"model": step}}
        (folder / "state.json").write_text(json.dumps(state))

    def fit(self, fabric, state, **more):
        self.fabric, self.state = fabric, state
        fit(fabric=fabric, state=state, **more)


save, fit = litgpt.pretrain.save_checkpoint, litgpt.pretrain.fit


def from_hugging_face(model: Path, config: Config, folder: Path) -> None:
    """A model folder as LitGPT begins with one."""

    def fill(partial: Path) -> None:
        weights = {}
        read = {name: tensor for file in model.glob("*.safetensors") for name, tensor in load_file(file).items()}
        copy_weights_hf_llama(config, {}, weights, {name: tensor.float() for name, tensor in read.items()})
        torch.save(weights, partial / "lit_model.pth")
        save_config(config, partial)

    descent.whole(folder, fill)


def to_hugging_face(checkpoint: Path, config: Config, into: Path) -> None:
    """The weights of a checkpoint as a file of safetensors, in float32, under Hugging Face's names."""
    weights = {}
    copy_weights_llama(config, weights, torch.load(checkpoint, map_location="cpu", mmap=True)["model"])
    odd = next((name for name, tensor in weights.items() if not torch.isfinite(tensor).all()), None)
    if odd is not None:
        descent.fail("diverged", f"{odd} has values that are not finite: training diverged")
    save_file({name: tensor.float().contiguous() for name, tensor in weights.items()}, into, metadata={"format": "pt"})


def work(said: dict) -> None:
    torch.set_num_threads(said["threads"])
    run = Run(said)
    config = Config(**said["model"])
    config_file = Path(said["config"])
    if said["parent"] is not None:
        from_hugging_face(Path(said["parent"]), config, Path(said["initial"]))
    step, resume = run.resumed
    args = ["--config", str(config_file)]
    if resume is not None:
        args += ["--resume", str(resume / "lit_model.pth"), "--initial_checkpoint_dir", "null"]
        args += ["--data.first", str(step * said["rowsAStep"])]
    litgpt.pretrain.choose_logger = lambda *_args, **_more: run
    litgpt.pretrain.get_lr = run.rate
    litgpt.pretrain.fit = run.fit
    litgpt.pretrain.save_hyperparameters = lambda *_: None  # Descent has them, and they take a package more
    versions = f"LitGPT {version_of('litgpt')}, PyTorch {torch.__version__}, Lightning {lightning.__version__}"
    device = "gpu" if torch.cuda.is_available() else "cpu"
    descent.emit("started", resumedFrom=step or None, steps=len(run.rates), device=device, engine=versions)
    set_docstring_parse_options(attribute_docstrings=True)
    try:
        CLI(litgpt.pretrain.setup, args=args, as_positional=False)
    except Stopped:
        descent.emit("interrupted", step=run.saved)
        sys.exit(descent.interrupted)
    to_hugging_face(Path(said["out"]) / "final" / "lit_model.pth", config, Path(said["weights"]))


def version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


if __name__ == "__main__":
    descent.run(work)
