"""The first round of a run of TRL, with all that it sampled: `python trl_round.py <run.json> <folder>`. Prints its episodes and its metrics."""

import json
import os
import sys
from pathlib import Path

here = Path(__file__).resolve()
sys.path.insert(0, str(here.parents[3] / "engines" / "trl"))
sys.path.insert(0, str(here.parents[3] / "engines" / "python"))

os.dup2(os.pipe()[0], 0)  # a driver ends with its standard input

import descent

told = {}
emit = descent.emit


class Told(Exception):
    pass


def remember(event, **fields):
    if event == "metrics":
        told["values"] = fields["values"]
        raise Told


descent.emit = remember

import driver
import rounds

grade = rounds.Rounds.grade


def graded(self, step, asked, responses):
    rewards = grade(self, step, asked, responses)
    told["episodes"] = [
        {"prompt": row["prompt"], "response": response, "reward": reward}
        for row, response, reward in zip(asked, responses, rewards)
    ]
    return rewards


rounds.Rounds.grade = graded
said = json.loads(Path(sys.argv[1]).read_text())
said |= {"checkpoints": f"{sys.argv[2]}/checkpoints", "out": f"{sys.argv[2]}/out"}
try:
    driver.work(said)
except Told:
    descent._events.write(json.dumps(told) + "\n")
