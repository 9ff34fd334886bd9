"""Algorithms that compare the responses of a group, with TRL's GRPOTrainer."""

import hugging_face
from datasets import Dataset
from rounds import Rounds, policy_of
from trl import GRPOConfig, GRPOTrainer

# What TRL logs, under the names that Descent's metrics have.
names = {
    "loss": "policyLoss",
    "grad_norm": "gradientNorm",
    "kl": "kl",
    "entropy": "entropy",
    "clip_ratio/region_mean": "clipFraction",
    "clip_ratio/low_mean": "clipFractionLow",
    "clip_ratio/high_mean": "clipFractionHigh",
}

# TRL's names of how the losses of tokens make that of a mini-batch.
losses = {
    "token-mean": "dapo",
    "seq-mean-token-sum": "luspo",
    "seq-mean-token-mean": "grpo",
    "seq-mean-token-sum-norm": "dr_grpo",
}


def prepared(said: dict, engine: str, tokenizer_of):
    class Asking(hugging_face.driven(GRPOTrainer, said)):
        """Asks in Descent's tokens, and knows all ends of a response."""

        def _tokenize_prompts(self, prompts):
            return prompts, None, {}

        def _generate_single_turn(self, *asked, **more):
            responses, _ = super()._generate_single_turn(*asked, **more)
            return [cut(response, said["ends"]) for response in responses], None

    def rewards(prompts, completion_ids, trainer_state, **columns):
        rows = [
            {"prompt": prompt, **{name: columns[name][at] for name in ("problem", "id", "asked", "expected")}}
            for at, prompt in enumerate(prompts)
        ]
        return run.grade(run.step(trainer_state) + 1, rows, completion_ids)

    tokenizer = tokenizer_of(said, said["eos"])
    run = Rounds(said, engine, tokenizer, names)
    count = said["responses"]
    config = GRPOConfig(
        **hugging_face.arguments(said),
        num_generations=count,
        generation_batch_size=said["round"],
        num_iterations=said["innerEpochs"],
        shuffle_dataset=False,
        max_completion_length=said["maxResponse"],
        temperature=said["temperature"],
        generation_kwargs={"eos_token_id": said["ends"]},
        loss_type=losses[said["lossAggregation"]],
        scale_rewards="group" if said["algorithm"] in ("grpo", "dapo") else "none",
        # Kool et al.'s (2019) R - the mean of the others is n / (n - 1) times R - the mean of all.
        reward_weights=[count / (count - 1) if said["algorithm"] == "rloo" else 1.0],
        beta=said["klCoef"] if said["kl"] == "loss" else 0.0,
        epsilon=said["clipRatio"],
        epsilon_high=said["clipRatioHigh"],
        delta=said["dualClip"] or None,
        gradient_checkpointing=False,
    )
    trainer = Asking(
        model=policy_of(said["parent"]),
        reward_funcs=rewards,
        args=config,
        train_dataset=Dataset.from_list(hugging_face.read_lines(said["examples"])),
        processing_class=tokenizer,
        callbacks=[run],
    )
    return run, trainer, dict


def cut(response: list[int], ends: list[int]) -> list[int]:
    """A response to its first end, which counts."""
    return response[: next((at for at, token in enumerate(response) if token in ends), len(response)) + 1]
