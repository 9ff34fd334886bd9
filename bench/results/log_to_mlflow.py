"""Logs runs to MLflow on SQLite and asks of them what bench/results.ts asks Descent; prints JSON.

usage: log_to_mlflow.py FOLDER RUNS STEPS FIGURES TIMES
"""

import json
import sys
import time

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

folder, runs, steps, figures, times = sys.argv[1], *map(int, sys.argv[2:])
client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
experiment = client.create_experiment("made", artifact_location=f"file://{folder}/artifacts")

MOST = 1000  # metrics that MLflow takes in one batch
rows = 0
ids = []
begun = time.perf_counter()
for number in range(runs):
    run = client.create_run(experiment).info.run_id
    ids.append(run)
    tags = [RunTag("parent", ids[number - 1] if number % 10 else "")]
    params = [Param("replay", f"{number // 10 % 33}%"), Param("seed", str(number % 10)), Param("lr", "0.003")]
    metrics = [
        Metric(name, (place + 1 + number / runs) / step, 0, step)
        for step in range(1, steps + 1)
        for place, name in enumerate(["loss", "lr", "gradientNorm", "tokensPerSecond"])
    ] + [Metric(f"figure{figure}", (figure * number) % 97 / 97, 0, 0) for figure in range(figures)]
    for start in range(0, len(metrics), MOST):
        client.log_batch(run, metrics=metrics[start : start + MOST], params=params if start == 0 else [], tags=tags if start == 0 else [])
    client.set_terminated(run)
    rows += len(metrics)
seconds = time.perf_counter() - begun


def everything():
    return mlflow.search_runs([experiment], max_results=50_000)


def forgetting():
    found = everything()[["run_id", "tags.parent", "metrics.figure1"]]
    return found.merge(found, left_on="tags.parent", right_on="run_id", suffixes=("", "_ancestor"))


questions = {
    "summary": lambda: everything(),
    "curves": lambda: [client.get_metric_history(run, "loss") for run in ids],
    "seeds": lambda: everything().groupby("params.replay").agg({f"metrics.figure{f}": ["mean", "std", "count"] for f in range(figures)}),
    "forgetting": forgetting,
}
asked = {}
for name, question in questions.items():
    asked[name] = []
    for _ in range(times):
        start = time.perf_counter()
        question()
        asked[name].append((time.perf_counter() - start) * 1000)
print(json.dumps({"version": mlflow.__version__, "runs": runs, "rows": rows, "seconds": seconds, "asked": asked}))
