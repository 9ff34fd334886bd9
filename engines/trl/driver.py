"""TRL's trainers, driven by Descent: `python driver.py <run.json>`."""

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import descent

import hugging_face
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

engine = f"TRL {version('trl')}, transformers {version('transformers')}, PyTorch {torch.__version__}"


def sft(said: dict):
    def learned(example: dict) -> dict:
        prompt, response = example["prompt"], example["response"]
        return {"input_ids": prompt + response, "labels": [-100] * len(prompt) + response}

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
    trainer = hugging_face.ordered(SFTTrainer, said)(
        model=AutoModelForCausalLM.from_pretrained(said["parent"], dtype=torch.float32),
        args=config,
        train_dataset=data,
        processing_class=tokenizer_of(said, said["eos"]),
        callbacks=[run],
    )
    return run, trainer, dict


def dpo(said: dict):
    def figures(logs: dict, prefix="") -> dict:
        # TRL's rewards are of sums of log-probabilities, also where its loss is of their means.
        if said["loss"] == "ipo":
            return {}
        of = {"chosenReward": "chosen", "rejectedReward": "rejected", "margin": "margins", "accuracy": "accuracies"}
        return {name: logs[f"{prefix}rewards/{logged}"] for name, logged in of.items()}

    class Prepared(DPOTrainer):
        def _prepare_dataset(self, dataset, *_):
            return dataset

    run = hugging_face.Run(said, engine, figures)
    config = DPOConfig(
        **hugging_face.arguments(said),
        loss_type=[said["loss"]],
        beta=said["beta"],
        precompute_ref_log_probs=True,
        gradient_checkpointing=False,
        max_length=None,
    )
    trainer = hugging_face.ordered(Prepared, said)(
        model=AutoModelForCausalLM.from_pretrained(said["parent"], dtype=torch.float32),
        args=config,
        train_dataset=Dataset.from_list(hugging_face.read_lines(said["examples"])),
        eval_dataset=said["heldout"] and Dataset.from_list(hugging_face.read_lines(said["heldout"])),
        data_collator=hugging_face.side_by_side,
        processing_class=tokenizer_of(said, said["eos"]),
        callbacks=[run],
    )
    return run, trainer, lambda: hugging_face.judged(trainer, said, lambda logs: figures(logs, "eval_"))


def reward(said: dict):
    def figures(logs: dict, prefix="") -> dict:
        mean, margin = logs[f"{prefix}mean_reward"], logs[f"{prefix}margin"]
        rewards = {"chosenReward": mean + margin / 2, "rejectedReward": mean - margin / 2}
        return {**rewards, "margin": margin, "accuracy": logs[f"{prefix}accuracy"]}

    def texts(path: str) -> Dataset:
        pairs = hugging_face.read_lines(path)
        text = lambda example: example["prompt"] + example["response"]
        return Dataset.from_list([{f"{which}_ids": text(pair[which]) for which in pair} for pair in pairs])

    run = hugging_face.Run(said, engine, figures)
    data, heldout = texts(said["examples"]), said["heldout"] and texts(said["heldout"])
    model = AutoModelForSequenceClassification.from_pretrained(said["parent"], num_labels=1, dtype=torch.float32)
    with torch.no_grad():
        model.score.weight.zero_()  # as the built-in trainer begins
    # The score is taken at the last token that is no padding: no text may end with that.
    ends = {pair[which][-1] for some in (data, heldout or []) for pair in some for which in pair}
    padding = next(token for token in range(model.config.vocab_size) if token not in ends)
    config = RewardConfig(
        **hugging_face.arguments(said),
        center_rewards_coefficient=said["centerCoef"] or None,
        gradient_checkpointing=False,
        max_length=None,
    )
    trainer = hugging_face.ordered(RewardTrainer, said)(
        model=model,
        args=config,
        train_dataset=data,
        eval_dataset=heldout,
        processing_class=tokenizer_of(said, padding),
        callbacks=[run],
    )
    return run, trainer, lambda: hugging_face.judged(trainer, said, lambda logs: figures(logs, "eval_"))


def rl(said: dict):
    # Imported here, as that takes seconds which other stages need not wait.
    if said["algorithm"] == "ppo":
        from ppo import prepared
    else:
        from grpo import prepared
    return prepared(said, engine, tokenizer_of)


def tokenizer_of(said: dict, padding: int):
    tokenizer = AutoTokenizer.from_pretrained(said["parent"])
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(said["eos"])
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding)
    return tokenizer


stages = {"sft": sft, "dpo": dpo, "reward": reward, "rl": rl}


def work(said: dict) -> None:
    torch.set_num_threads(said["threads"])
    run, trainer, facts = stages[said["stage"]](said)
    trainer.train(resume_from_checkpoint=run.checkpoint and str(run.checkpoint))
    hugging_face.finish(run, trainer, facts)


if __name__ == "__main__":
    descent.run(work)
