"""TRL's trainers, driven by Descent: `python driver.py <run.json>`."""

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import descent

import hugging_face
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

engine = f"TRL {version('trl')}, transformers {version('transformers')}, PyTorch {torch.__version__}"


def sft(said: dict):
    def learned(example: dict) -> dict:
        prompt, response = example["prompt"], example["response"]
        return {"input_ids": prompt + response, "labels": [-100] * len(prompt) + response}

    tokenizer = AutoTokenizer.from_pretrained(said["parent"])
    tokenizer.eos_token = tokenizer.pad_token = tokenizer.convert_ids_to_tokens(said["eos"])
    run = hugging_face.Run(said, engine)
    data = Dataset.from_list([learned(example) for example in hugging_face.read_lines(said["examples"])])
    config = SFTConfig(
        **hugging_face.arguments(said),
        neftune_noise_alpha=said["neftune"] or None,
        dataset_kwargs={"skip_prepare_dataset": True},
        loss_type="nll",
        gradient_checkpointing=False,
        max_length=None,
    )
    trainer = hugging_face.driven(SFTTrainer, said, said["orders"])(
        model=AutoModelForCausalLM.from_pretrained(said["parent"], dtype=torch.float32),
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
        callbacks=[run],
    )
    return run, trainer


stages = {"sft": sft}


def work(said: dict) -> None:
    torch.set_num_threads(said["threads"])
    run, trainer = stages[said["stage"]](said)
    trainer.train(resume_from_checkpoint=run.checkpoint and str(run.checkpoint))
    hugging_face.finish(run, trainer)


if __name__ == "__main__":
    descent.run(work)
