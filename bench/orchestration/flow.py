"""The lineages of the bench as a Prefect flow: `flow.py SEEDS [SUITE ...]`, in the folder where their files go. Tasks do
nothing but leave their files; what a task has returned is kept, and it is not run again."""

import sys
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.task_runners import ThreadPoolTaskRunner

keep = dict(cache_policy=INPUTS + TASK_SOURCE, persist_result=True)


@task(**keep)
def train(seed: int) -> str:
    folder = Path(f"base@seed={seed}")
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}\n")
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return str(folder)


@task(**keep)
def evaluate(model: str, suite: str) -> str:
    config = (Path(model) / "config.json").read_text()
    figures = Path(model) / f"{suite}.json"
    figures.write_text(config)
    return str(figures)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def lineage(seeds: int, suites: list[str]) -> None:
    models = [train.submit(seed) for seed in range(1, seeds + 1)]
    figures = [evaluate.submit(model, suite) for model in models for suite in suites]
    for future in [*models, *figures]:
        future.result()


lineage(int(sys.argv[1]), sys.argv[2:])
