"""Stands for verl where there is no GPU: logs, saves and resumes as it does, and learns nothing."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

options = dict(option.lstrip("+").split("=", 1) for option in sys.argv[1:])
text = lambda name: options[name].strip("'")
out, parent = Path(text("trainer.default_local_dir")), Path(text("actor_rollout_ref.model.path"))
rounds, every = int(options["trainer.total_training_steps"]), int(options["trainer.save_freq"])
assert options["trainer.n_gpus_per_node"] == "2"

latest = out / "latest_checkpointed_iteration.txt"
first = int(latest.read_text()) if latest.exists() else 0
with open(os.environ["VERL_FILE_LOGGER_PATH"], "wb", buffering=0) as log:
    for step in range(first + 1, rounds + 1):
        time.sleep(0.3)
        if step % every == 0 or step == rounds:
            folder = out / f"global_step_{step}" / "actor" / "huggingface"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(parent / "model.safetensors", folder)
            (folder.parent / "model_world_size_2_rank_0.pt").touch()
            latest.write_text(str(step))
        data = {"critic/score/mean": step / 10, "response_length/mean": 2.5, "actor/lr": 1, "actor/entropy": 1}
        log.write(json.dumps({"step": step, "data": data}).encode() + b"\n")
