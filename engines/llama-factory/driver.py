"""LLaMA-Factory's SFT and DPO, driven by Descent: `python driver.py <run.json>`.

Its own `run_exp` reads its arguments and trains. In place of its tokenizer and its data stand Descent's: what it would make of text
and templates is there already, in order; and its trainers take Descent's learning rates, order and weight decay.
"""

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import descent

os.environ["HF_HUB_OFFLINE"] = "1"

import hugging_face
import llamafactory.train.dpo.trainer
import llamafactory.train.dpo.workflow
import llamafactory.train.sft.workflow
import torch
import transformers
from datasets import Dataset
from llamafactory.train.tuner import run_exp
from transformers import AutoTokenizer

engine = f"LLaMA-Factory {version('llamafactory')}, transformers {transformers.__version__}, PyTorch {torch.__version__}"

# What its collators look for in each example.
no_media = {"images": None, "videos": None, "audios": None}


def learned(example: dict, prefix="") -> dict:
    prompt, response = example["prompt"], example["response"]
    return {
        f"{prefix}input_ids": prompt + response,
        f"{prefix}attention_mask": [1] * len(prompt + response),
        f"{prefix}labels": [-100] * len(prompt) + response,
    }


def pair(line: dict) -> dict:
    return learned(line["chosen"], "chosen_") | learned(line["rejected"], "rejected_")


def rewards(logs: dict, prefix="") -> dict:
    of = {"chosenReward": "chosen", "rejectedReward": "rejected", "margin": "margins", "accuracy": "accuracies"}
    return {name: logs[f"{prefix}rewards/{logged}"] for name, logged in of.items()}


def sft(said: dict):
    return llamafactory.train.sft.workflow, "CustomSeq2SeqTrainer", learned, {}


def dpo(said: dict):
    arguments = {
        "pref_loss": said["loss"],
        "pref_beta": said["beta"],
        "pref_ftx": said["nllCoef"],
        "dpo_label_smoothing": said["labelSmoothing"],
    }
    return llamafactory.train.dpo.workflow, "CustomDPOTrainer", pair, arguments


stages = {"sft": sft, "dpo": dpo}


def work(said: dict) -> None:
    torch.set_num_threads(said["threads"])
    stage = said["stage"]
    workflow, trainer, example, more = stages[stage](said)
    run = hugging_face.Run(said, engine, rewards if stage == "dpo" else lambda logs: {})
    # Its workflow of DPO imports its trainer only when it runs.
    holder = llamafactory.train.dpo.trainer if stage == "dpo" else workflow
    made = []

    class Driven(hugging_face.ordered(getattr(holder, trainer), said)):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

        def save_model(self, output_dir=None, _internal_call=False):
            if output_dir is not None:  # what is left at the end is Descent's
                super().save_model(output_dir, _internal_call)

    def data(path: str) -> Dataset:
        return Dataset.from_list([{**example(line), **no_media} for line in hugging_face.read_lines(path)])

    def datasets(*_args, **_more) -> dict:
        heldout = said.get("heldout")
        return {"train_dataset": data(said["examples"]), **({"eval_dataset": data(heldout)} if heldout else {})}

    def tokenizer(*_) -> dict:
        found = AutoTokenizer.from_pretrained(said["parent"])
        found.eos_token = found.pad_token = found.convert_ids_to_tokens(said["eos"])
        return {"tokenizer": found, "processor": None}

    setattr(holder, trainer, Driven)
    workflow.get_dataset = datasets
    workflow.load_tokenizer = tokenizer
    workflow.create_modelcard_and_push = lambda *_: None
    shutil.rmtree(said["out"], ignore_errors=True)  # it would go on from what it finds there
    arguments = {
        **hugging_face.arguments(said),
        "stage": stage,
        "do_train": True,
        "finetuning_type": "full",
        "model_name_or_path": said["parent"],
        "dataset": "descent",
        "template": "empty",
        "cutoff_len": said["context"],
        "disable_gradient_checkpointing": True,
        "report_to": "none",
        "resume_from_checkpoint": run.checkpoint and str(run.checkpoint),
        **more,
    }
    run_exp({name: value for name, value in arguments.items() if value is not None}, callbacks=[run])
    hugging_face.finish(run, made[0], (lambda: judged(made[0], said)) if stage == "dpo" else dict)


def judged(trainer, said: dict) -> dict:
    trainer.ftx_gamma = 0  # how likely the chosen responses are is no part of a pair's loss
    return hugging_face.judged(trainer, said, lambda logs: rewards(logs, "eval_"))


if __name__ == "__main__":
    descent.run(work)
