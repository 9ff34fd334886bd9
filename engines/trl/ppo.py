"""PPO with a critic, with TRL's PPOTrainer, which knows no verifier, does not clip gradients, and neither stops nor goes on."""

from pathlib import Path
from types import SimpleNamespace

import descent
import hugging_face
import numpy
import torch
from rounds import Rounds, mean, policy_of
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification
from trl.experimental.ppo import PPOConfig, PPOTrainer

# What TRL logs, under the names that Descent's metrics have.
names = {"loss/policy_avg": "policyLoss", "loss/value_avg": "valueLoss", "policy/clipfrac_avg": "clipFraction"}


class Stopped(Exception):
    """What ends PPOTrainer's loop once it has saved."""


class Playing(Rounds):
    """The rounds of PPOTrainer, counted from where this run began."""

    # Of the policy's and the critic's gradients, in each update of the round.
    norms: list[dict[str, torch.Tensor]]

    def on_train_begin(self, args, state, control, **more):
        state.global_step = self.resumed
        super().on_train_begin(args, state, control, **more)
        self.draw(state)

    def on_step_end(self, args, state, control, **more):
        super().on_step_end(args, state, control, **more)
        self.draw(state)

    def on_save(self, args, state, control, **more):
        super().on_save(args, state, control, **more)
        if self.stopped:
            raise Stopped

    def draw(self, state) -> None:
        """What a round draws follows from the seed and the round, so that a run that went on draws the same."""
        seed = (self.said["seed"] + state.global_step) & 0x7FFFFFFF
        torch.manual_seed(seed)
        numpy.random.seed(seed)
        self.norms = []

    def own(self, logs, update):
        norms = {name: mean([each[name].item() for each in self.norms]) for name in self.norms[0]}
        kl = logs["objective/kl"] / self.figures["responseLength"]  # TRL sums over each response
        critic_lr = self.said["criticLr"] * self.said["learningRates"][update - 1] / self.said["lr"]
        return {**norms, "criticLr": critic_lr, **({"kl": kl} if self.said["kl"] == "reward" else {})}


class Verifier(torch.nn.Module):
    """Descent's grader in place of a reward model: PPOTrainer shows it the responses of each round, in the order of `asked`."""

    base_model_prefix = "graded"

    def __init__(self, run: Playing, asked: list[dict]):
        super().__init__()
        self.run, self.asked = run, asked
        self.step = run.resumed

    def graded(self, input_ids, attention_mask, **_):
        count = len(input_ids)
        asked, self.asked = self.asked[:count], self.asked[count:]
        self.step += 1
        start = max(len(row["prompt"]) for row in asked)  # prompts are padded on the left
        shown = zip(input_ids[:, start:], attention_mask[:, start:].bool())
        responses = [tokens[kept].tolist() for tokens, kept in shown]
        rewards = torch.tensor(self.run.grade(self.step, asked, responses), device=input_ids.device)
        return SimpleNamespace(hidden_states=[rewards.view(count, 1, 1).expand(count, input_ids.shape[1], 1)])

    def score(self, states):
        return states


class Going(PPOTrainer):
    """Stops, saves the critic with the policy, and asks in Descent's order."""

    def train(self, **_):
        try:
            super().train()
        except Stopped:
            pass
        self.model = self.policy_model  # without the critic

    def _save_checkpoint(self, model, trial):
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        self.policy_model.save_pretrained(folder)
        self.value_model.save_pretrained(folder / "critic")
        torch.save(self.optimizer.state_dict(), folder / "optimizer.pt")


def prepared(said: dict, engine: str, tokenizer_of):
    lines = hugging_face.read_lines(said["examples"])
    tokenizer = tokenizer_of(said, said["eos"])
    padding = padding_of(said, lines, tokenizer)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding)
    run = Playing(said, engine, tokenizer, names)
    asked = [row for row in lines for _ in range(said["responses"])][run.resumed * said["round"] :]
    policy, parent = (never(policy_of(folder), padding) for folder in (run.checkpoint or said["parent"], said["parent"]))
    policy.generation_config.pad_token_id = padding
    optimizer, critic = optimizer_of(said, run, policy)
    rates = said["learningRates"]
    factor = lambda round: rates[min(run.resumed + round, len(rates) - 1)] / said["lr"]
    config = PPOConfig(
        **hugging_face.arguments(said),
        total_episodes=len(asked),
        num_mini_batches=1,
        num_ppo_epochs=said["innerEpochs"],
        local_rollout_forward_batch_size=said["round"],
        num_sample_generations=0,
        response_length=said["maxResponse"],
        stop_token_id=said["eos"],
        temperature=said["temperature"],
        kl_coef=said["klCoef"] if said["kl"] == "reward" else 0.0,
        kl_estimator=said["klEstimator"] if said["kl"] == "reward" else "k1",
        cliprange=said["clipRatio"],
        cliprange_value=said["valueClip"],
        vf_coef=1.0,  # the critic is a model of its own, with its own rate
        gamma=said["gamma"],
        lam=said["lambda"],
        gradient_checkpointing=False,
    )
    trainer = Going(
        args=config,
        processing_class=tokenizer,
        model=policy,
        ref_model=parent,
        reward_model=Verifier(run, asked),
        value_model=critic,
        train_dataset=asked,
        data_collator=lambda rows: left_padded([row["prompt"] for row in rows], padding),
        optimizers=(optimizer, LambdaLR(optimizer, factor)),
        callbacks=[run],
    )
    # TRL's own shuffles. Each iterator draws a number, by default what responses are drawn by, and so once more in a run that went on.
    options = {"collate_fn": trainer.data_collator, "generator": torch.Generator()}
    in_order = DataLoader(asked, batch_size=said["round"], **options)
    trainer.dataloader = trainer.accelerator.prepare(in_order)
    return run, trainer, dict


def optimizer_of(said: dict, run: Playing, policy):
    """The optimizer of the policy and of a critic, which begins with the parent's body and a head of zeros; and the critic."""
    before = run.checkpoint and run.checkpoint / "critic"
    critic = AutoModelForSequenceClassification.from_pretrained(
        before or said["parent"], num_labels=1, dtype=torch.float32
    )
    if before is None:
        with torch.no_grad():
            critic.score.weight.zero_()
    groups = {"gradientNorm": list(policy.parameters()), "criticGradientNorm": list(critic.parameters())}
    optimizer = torch.optim.AdamW(
        [
            {"params": groups["gradientNorm"], "lr": said["lr"]},
            {"params": groups["criticGradientNorm"], "lr": said["criticLr"]},
        ],
        betas=tuple(said["betas"]),
        weight_decay=said["weightDecay"],
    )
    if run.checkpoint is not None:
        # It goes to the device of the weights, on a machine that may have another than the one that saved.
        optimizer.load_state_dict(torch.load(run.checkpoint / "optimizer.pt", map_location="cpu"))

    def clip(*_):
        most = said["clip"] or float("inf")
        norms = {name: torch.nn.utils.clip_grad_norm_(group, most) for name, group in groups.items()}
        run.norms.append(norms)

    optimizer.register_step_pre_hook(clip)
    return optimizer, critic


def padding_of(said: dict, lines: list[dict], tokenizer) -> int:
    """A token that no prompt has: PPOTrainer tells padding by it. The highest are the rarest of most vocabularies; `never` keeps it from being drawn."""
    used = {token for line in lines for token in line["prompt"]}.union(said["ends"])
    named = set(tokenizer.get_vocab().values())  # a model may have more
    free = [token for token in named - used if token < said["vocab"]]
    if not free:
        remedy = "take another algorithm or another engine"
        descent.fail("bad-data", f"PPOTrainer tells padding by a token, and the prompts have each of the tokenizer's: {remedy}")
    return max(free)


def never(model, token: int):
    """The model as one that never says a token: where it is sampled, and where its probabilities are measured, alike."""

    def without(_, given, scores):
        scores[..., token] = -1e9
        return scores

    model.get_output_embeddings().register_forward_hook(without)
    return model


def left_padded(prompts: list[list[int]], padding: int) -> dict:
    longest = max(len(prompt) for prompt in prompts)
    return {"input_ids": torch.tensor([[padding] * (longest - len(prompt)) + prompt for prompt in prompts])}
