"""What drivers of Hugging Face's Trainer have in common: its steps as events, Descent's learning rates and order, checkpoints."""

import json
import math
import os
import shutil
import time
from pathlib import Path

import descent
import torch
from safetensors.torch import save_file
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler
from transformers import TrainerCallback

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # of several devices Trainer would take all, with a batch each

checkpoints_kept = 2

# What Trainer logs, under the names that Descent's metrics have.
names = {"loss": "loss", "grad_norm": "gradientNorm"}


class Run(TrainerCallback):
    """Tells what a Trainer does, and asks it to save and to stop."""

    def __init__(self, said: dict, engine: str, more=lambda logs: {}, updates=1):
        """`more` gives further metrics of what Trainer logs; a step is so many optimizer steps, which are Trainer's."""
        self.said, self.engine, self.more, self.updates = said, engine, more, updates
        self.folder = Path(said["checkpoints"])
        self.resumed, self.checkpoint = next(iter(descent.checkpoints(self.folder)), (0, None))
        self.tokens = self.checkpoint and json.loads((self.checkpoint / "state.json").read_text())["tokens"] or 0
        self.saved_at = time.monotonic()
        self.stopped = False

    def on_train_begin(self, args, state, control, **_):
        device = "gpu" if torch.cuda.is_available() else "cpu"
        steps = len(self.said["learningRates"]) // self.updates
        descent.emit("started", resumedFrom=self.resumed or None, steps=steps, device=device, engine=self.engine)

    def on_step_end(self, args, state, control, **_):
        control.should_log = True
        if state.global_step % self.updates != 0 or state.global_step == len(self.said["learningRates"]):
            return
        every = self.said["checkpointEvery"]
        due = self.step(state) % every == 0 if every > 0 else time.monotonic() - self.saved_at >= 60
        self.stopped = descent.stop_requested()
        if self.stopped or due:
            control.should_save = True
            self.saved_at = time.monotonic()
        control.should_training_stop = self.stopped

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" not in logs:
            return
        values = {name: float(logs[logged]) for logged, name in names.items() if logged in logs} | self.more(logs)
        values["lr"] = self.said["learningRates"][state.global_step - 1]  # Trainer logs that of the next step
        self.tell(self.step(state), values)

    def on_save(self, args, state, control, **_):
        step = self.step(state)
        written = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        whole = self.folder / f"step-{step:06d}"
        about = {"key": self.said["key"], "step": step, "tokens": self.tokens, "updates": {"model": state.global_step}}
        (written / "state.json").write_text(json.dumps(about))
        shutil.rmtree(whole, ignore_errors=True)
        written.rename(whole)
        for _, old in descent.checkpoints(self.folder)[checkpoints_kept:]:
            shutil.rmtree(old)
        descent.emit("checkpoint", step=step, path=f"{self.folder.name}/{whole.name}")

    def step(self, state) -> int:
        return state.global_step // self.updates

    def tell(self, step: int, values: dict, **more) -> None:
        """Tells of a step, unless it diverged."""
        odd = next((name for name, value in values.items() if not math.isfinite(value)), None)
        if odd is not None:
            descent.fail("diverged", f"{odd} became {values[odd]} at step {step}: training diverged")
        descent.emit("metrics", step=step, values=values, **more)


class Order(Sampler):
    """The order of each epoch, as Descent draws it."""

    def __init__(self, orders: list[list[int]]):
        self.orders, self.epoch = orders, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self):
        return iter(self.orders[self.epoch])

    def __len__(self):
        return len(self.orders[0])


def driven(base, said: dict):
    """A Trainer with Descent's learning rates and weight decay."""

    class Driven(base):
        def create_scheduler(self, num_training_steps, optimizer=None):
            rates, peak = said["learningRates"], said["lr"]
            factor = lambda step: rates[min(step, len(rates) - 1)] / peak
            self.lr_scheduler = LambdaLR(self.optimizer if optimizer is None else optimizer, factor)
            self._created_lr_scheduler = True
            return self.lr_scheduler

        def get_decay_parameter_names(self, model):
            if said["weightDecayOn"] == "all":
                return [name for name, _ in model.named_parameters()]
            return super().get_decay_parameter_names(model)

    return Driven


def ordered(base, said: dict):
    """As `driven`, in Descent's order."""

    class Ordered(driven(base, said)):
        def _get_train_sampler(self, *_):
            return Order(said["orders"])

    return Ordered


def arguments(said: dict) -> dict:
    """What every TrainingArguments says of a recipe."""
    beta1, beta2 = said["betas"]
    return {
        "output_dir": said["out"],
        "per_device_train_batch_size": said["microBatch"],
        "per_device_eval_batch_size": said.get("heldoutBatch", 1),
        "gradient_accumulation_steps": said["batch"] // said["microBatch"],
        "num_train_epochs": said["epochs"],
        "learning_rate": said["lr"],
        "weight_decay": said["weightDecay"],
        "adam_beta1": beta1,
        "adam_beta2": beta2,
        "max_grad_norm": said["clip"],
        "bf16": said["precision"] == "bfloat16",
        "seed": said["seed"] & 0x7FFFFFFF,
        "use_cpu": not torch.cuda.is_available(),
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
    }


def read_lines(path: str) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def side_by_side(pairs: list[dict]) -> dict:
    """Pairs as DPO's trainers read them: the chosen responses, then the rejected ones, each with its own prompt."""
    examples = [pair[which] for which in ("chosen", "rejected") for pair in pairs]
    longest = max(len(example["prompt"]) + len(example["response"]) for example in examples)
    rows = {"input_ids": [], "attention_mask": [], "completion_mask": []}
    for example in examples:
        prompt, response = example["prompt"], example["response"]
        left = [0] * (longest - len(prompt) - len(response))
        rows["input_ids"].append(prompt + response + left)
        rows["attention_mask"].append([1] * len(prompt + response) + left)
        rows["completion_mask"].append([0] * len(prompt) + [1] * len(response) + left)
    measured = [name for name in pairs[0] if name.startswith("ref_")]
    return {name: torch.tensor(row) for name, row in rows.items()} | {
        name: torch.tensor([pair[name] for pair in pairs]) for name in measured
    }


def judged(trainer, said: dict, figures) -> dict:
    """What a trained model makes of the held-out pairs, of which `figures` takes the margin and the accuracy."""
    if said["heldout"] is None:
        return {}
    logs = trainer.evaluate()
    found = {"loss": logs["eval_loss"], **figures(logs)}
    return {name: found[name] for name in ("loss", "margin", "accuracy") if name in found}


def finish(run: Run, trainer, facts=lambda: {}) -> None:
    """Ends a driver after `train`: interrupted, or with what `facts` gives and the weights in float32."""
    if run.stopped:
        descent.emit("interrupted", step=run.step(trainer.state))
        raise SystemExit(descent.interrupted)
    descent.emit("facts", values=facts())
    weights = {name: tensor.float().contiguous() for name, tensor in trainer.model.state_dict().items()}
    odd = next((name for name, tensor in weights.items() if not torch.isfinite(tensor).all()), None)
    if odd is not None:
        descent.fail("diverged", f"{odd} has values that are not finite: training diverged")
    save_file(weights, run.said["weights"], metadata={"format": "pt"})
