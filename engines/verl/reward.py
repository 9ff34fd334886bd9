"""verl's reward function: Descent's grader, one of each of verl's reward workers."""

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

from grader import Grader

_starting = threading.Lock()
_grader = None


def compute_score(data_source, solution_str, ground_truth, extra_info=None, *, grader, **_):
    """The reward of a response: 1 if it is right, else 0. `ground_truth` is the number of the problem's line."""
    global _grader
    with _starting:  # verl asks from several threads
        if _grader is None:
            _grader = Grader(grader)
    reward = _grader(int(ground_truth), solution_str)["reward"]
    return {"score": reward, "acc": reward}
