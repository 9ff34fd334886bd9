"""A trainer of several processes that speaks Descent's contract: the first of them says what all of them did together.

Started as `torchrun --no-python ... python torchrun.py <folder> <job>`. Its "model" is a vector, to which each process adds
its share in each step. In the folder it leaves a mark for each process, and while there is a file `hold` it takes no step.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

folder, job = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
output = Path(job["output"])
steps = 6
asked = torch.zeros(1)


def ask(*_):
    asked.fill_(1)


signal.signal(signal.SIGTERM, ask)
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
with (folder / f"process-{rank}").open("a") as mark:
    mark.write(f"{os.getpid()} of {size}\n")


def say(**event):
    if rank == 0:
        print(json.dumps(event), flush=True)


def write(path, model, extra):
    """Whole or not at all, by the first process."""
    if rank == 0:
        temporary = output / f"{path}.tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        (temporary / "config.json").write_text("{}")
        header = b"{}"
        (temporary / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
        (temporary / "state.json").write_text(json.dumps({"model": model.tolist(), **extra}))
        temporary.rename(output / path)
    dist.barrier()


def save(step, model):
    path = f"checkpoints/step-{step:06d}"
    if not (output / path).exists():
        write(path, model, {"step": step})
        say(event="checkpoint", step=step, path=path)


found = sorted((output / "checkpoints").glob("step-??????")) if (output / "checkpoints").exists() else []
state = json.loads((found[-1] / "state.json").read_text()) if found else {"step": 0, "model": [0.0] * 4}
model = torch.tensor(state["model"])
say(event="started", resumedFrom=state["step"] if found else None, steps=steps, device="cpu", engine="torchrun fixture")
for step in range(state["step"] + 1, steps + 1):
    while True:
        # All stop at the same step: whoever was asked asks the others.
        stop = asked.clone()
        dist.all_reduce(stop, op=dist.ReduceOp.MAX)
        if stop.item() > 0 or step < 4 or not (folder / "hold").exists():
            break
        time.sleep(0.05)
    if stop.item() > 0:
        save(step - 1, model)
        say(event="interrupted", step=step - 1)
        dist.destroy_process_group()
        sys.exit(75)
    share = torch.arange(4.0) * step * (rank + 1)
    dist.all_reduce(share)
    model += share / size
    say(event="metrics", step=step, tokens=step, values={"loss": 1 / step})
write("model", model, {})
say(event="done", step=steps, tokens=steps, model="model", facts={})
dist.destroy_process_group()
