"""What drivers of TRL's reinforcement learning have in common: rounds as steps, graded, with their samples."""

import math

import descent
import hugging_face
import torch
from grader import Grader
from transformers import AutoModelForCausalLM, GenerationConfig

# Responses of each round that are shown: one to each of its first prompts.
samples_shown = 4

# Of a round's updates the last counts, and the mean of other figures.
last_counts = {"lr", "criticLr"}


class Rounds(hugging_face.Run):
    """Tells of rounds: each is so many optimizer steps on what was sampled and graded before them."""

    def __init__(self, said: dict, engine: str, tokenizer, names: dict[str, str]):
        """`names` are those of Descent's metrics, by what TRL logs."""
        super().__init__(said, engine, updates=said["updates"])
        self.tokenizer, self.names, self.grader = tokenizer, names, Grader(said["grader"])
        self.done = []

    def grade(self, step: int, asked: list[dict], responses: list[list[int]]) -> list[float]:
        """Grades the responses of a step and notes what is told of it. Gives what is learned from: rewards with what lengths take."""
        said, each = self.said, self.said["responses"]
        ended = [response[-1] in said["ends"] for response in responses]
        texts = [self.text(response[:-1] if end else response) for response, end in zip(responses, ended)]
        verdicts = [self.grader(row["problem"], text) for row, text in zip(asked, texts)]
        rewards = [verdict["reward"] for verdict in verdicts]
        for at in range(0, min(samples_shown * each, len(asked)), each):
            row, verdict = asked[at], verdicts[at]
            descent.emit(
                "sample", task="rollout", problem=row["id"], step=step, index=1, prompt=row["asked"], response=texts[at],
                answer=verdict["answer"], expected=row["expected"], correct=verdict["reward"] == 1, why=verdict["why"],
                truncated=not ended[at], reward=verdict["reward"],
            )  # fmt: skip
        group = len(rewards) if said["algorithm"] == "ppo" else each
        groups = [rewards[at : at + group] for at in range(0, len(rewards), group)]
        self.figures = {
            "reward": mean(rewards),
            "truncationRate": 1 - mean(ended),
            "groupsWithoutSignal": mean([len(set(group)) == 1 for group in groups]),
            "responseLength": mean([len(response) for response in responses]),
        }
        self.added = sum(len(response) for response in responses) * said["innerEpochs"]
        self.tokens += self.added
        learned = {}
        for row, response in zip(asked, responses):
            learned.setdefault(row["id"], []).extend(row["prompt"] + response)
        self.data = descent.trained_on(said["data"], learned)
        return [reward + self.overlong(len(response)) for reward, response in zip(rewards, responses)]

    def text(self, tokens: list[int]) -> str:
        """As the built-in trainer reads it: special tokens within it count against an answer."""
        return self.tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def overlong(self, length: int) -> float:
        """What the length of a response takes from its reward, as trainer/algorithms/rewards.ts has it."""
        buffer = self.said["overlongBuffer"]
        over = length - (self.said["maxResponse"] - buffer)
        return -over / buffer * self.said["overlongPenalty"] if buffer > 0 and over > 0 else 0.0

    def own(self, logs: dict, update: int) -> dict:
        """Further metrics of an update, counted from 1, of what TRL logs."""
        return {}

    def on_log(self, args, state, control, logs=None, **_):
        if not any(name in logs for name in self.names):
            return
        number = lambda value: math.nan if value is None else float(value)
        values = {self.names[name]: number(value) for name, value in logs.items() if name in self.names}
        update = state.global_step
        self.done.append({**values, **self.own(logs, update), "lr": self.said["learningRates"][update - 1]})
        if update % self.updates != 0:
            return
        last = self.done[-1]
        means = {name: last[name] if name in last_counts else mean([each[name] for each in self.done]) for name in last}
        self.done = []
        told = {"tokens": self.tokens, "added": self.added, "data": self.data}
        self.tell(self.step(state), {**self.figures, **means}, **told)


def policy_of(folder):
    """The model in a folder, of which nothing says how it is sampled: a parent's own penalties and bounds are not the recipe's."""
    policy = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    policy.generation_config = GenerationConfig()
    return policy


def mean(values: list) -> float:
    return sum(values) / len(values)
