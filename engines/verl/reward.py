"""verl's reward function: Descent's grader, a child process of each of verl's reward workers, which is asked in lines of JSON.

It is started when it is first asked, and ends when its standard input does, and so with the worker.
"""

import json
import subprocess
import threading

_asking = threading.Lock()
_grader = None


def compute_score(data_source, solution_str, ground_truth, extra_info=None, *, grader, **_):
    """The reward of a response: 1 if it is right, else 0. `ground_truth` is the number of the problem's line."""
    global _grader
    with _asking:  # verl asks from several threads
        if _grader is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            _grader = subprocess.Popen(list(grader), text=True, encoding="utf-8", **pipes)
        _grader.stdin.write(json.dumps({"problem": int(ground_truth), "response": solution_str}) + "\n")
        _grader.stdin.flush()
        line = _grader.stdout.readline()
    if not line:
        raise RuntimeError(f"Descent's grader ended with {_grader.wait(10)}: its last lines are above")
    reward = json.loads(line)["reward"]
    return {"score": reward, "acc": reward}
