"""lm-evaluation-harness, driven by Descent: `python driver.py <run.json>`.

Its `simple_evaluate` asks the model the tasks that Descent rendered as YAML, and what the model said goes into a file. A greedy
response and the sampled ones to a problem are two tasks.
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import descent


class Stopped(Exception):
    """Raised between two batches, once it is asked to stop."""


# What the harness has said to it of a response that ended: by itself or before a stop string.
ended = "\x02"


def model_of(said: dict):
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoTokenizer

    class Model(HFLM):
        """A model that can be stopped, and that says of each response whether it ended."""

        def _model_call(self, *args, **more):
            stop_where_asked()
            return super()._model_call(*args, **more)

        def _model_generate(self, *args, **more):
            stop_where_asked()
            return super()._model_generate(*args, **more)

        def tok_decode(self, tokens, skip_special_tokens=True):
            text = super().tok_decode(tokens, skip_special_tokens=skip_special_tokens)
            if not isinstance(tokens, list):
                return text
            own = any(token in said["ends"] for token in tokens) or any(stop in text for stop in said["stop"])
            return ended + text if own else text

    tokenizer = AutoTokenizer.from_pretrained(said["parent"])
    tokenizer.eos_token = tokenizer.pad_token = tokenizer.convert_ids_to_tokens(said["eos"])
    return Model(
        pretrained=said["parent"],
        tokenizer=tokenizer,
        prefix_token_id=said["prefix"],
        dtype="float32",
        device=device_of(),
        batch_size=said["batch"],
        max_length=said["context"],
    )


def stop_where_asked() -> None:
    if descent.stop_requested():
        raise Stopped


def device_of() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def response(text: str) -> dict:
    return {"text": text.removeprefix(ended), "ended": text.startswith(ended)}


def work(said: dict) -> None:
    os.environ.update({"HF_HOME": said["out"], "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
    import lm_eval
    import torch
    import transformers
    from lm_eval.tasks import TaskManager

    torch.set_num_threads(said["threads"])
    versions = f"lm-evaluation-harness {version('lm_eval')}, transformers {transformers.__version__}, PyTorch {torch.__version__}"
    device = "gpu" if device_of() == "cuda" else "cpu"
    descent.emit("started", resumedFrom=None, steps=len(said["tasks"]), device=device, engine=versions)
    try:
        ran = lm_eval.simple_evaluate(
            model=model_of(said),
            tasks=said["tasks"],
            task_manager=TaskManager(include_path=said["folder"], include_defaults=False),
            log_samples=True,
            bootstrap_iters=0,
            random_seed=said["seed"],
            numpy_random_seed=said["seed"],
            torch_random_seed=said["seed"],
            fewshot_random_seed=said["seed"],
        )
    except Stopped:
        descent.emit("interrupted", step=0)
        sys.exit(descent.interrupted)
    found = {}
    for task in said["tasks"]:
        samples = sorted(ran["samples"][task], key=lambda sample: sample["doc_id"])
        if said["kind"] == "cloze":
            found[task] = [[float(likelihood) for ((likelihood, _),) in sample["resps"]] for sample in samples]
        else:
            found[task] = [[response(text) for text in sample["resps"][0]] for sample in samples]
    Path(said["answers"]).write_text(json.dumps(found), encoding="utf-8")
    figures = ran["results"]
    accuracies = {f"harness.{task}.acc": figures[task].get("acc,none") for task in said["tasks"]}
    descent.emit("facts", values={name: value for name, value in accuracies.items() if value is not None})


if __name__ == "__main__":
    descent.run(work)
