"""verl's reinforcement learning, driven by Descent: `python driver.py <run.json>`.

`verl.trainer.main_ppo` trains, as a process of its own, with the options that run.json has. What it logs to a file becomes events, a
checkpoint is whole when its latest_checkpointed_iteration.txt says so, and the last of them has the model. verl cannot be asked to
save: asked to stop, it is ended, and goes on from its newest checkpoint.
"""

import ctypes
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import descent
import torch
from safetensors import safe_open
from safetensors.torch import save_file

# What verl logs, under the names that Descent's metrics have.
names = {
    "response_length/mean": "responseLength",
    "actor/pg_loss": "policyLoss",
    "actor/reward_kl_penalty": "kl",
    "actor/grad_norm": "gradientNorm",
    "actor/pg_clipfrac": "clipFraction",
    "actor/pg_clipfrac_lower": "clipFractionDual",
    "critic/vf_loss": "valueLoss",
    "critic/grad_norm": "criticGradientNorm",
    "critic/vf_explained_var": "explainedVariance",
}

# What it adds up as it does losses: means over tokens only where these are.
names_of_means = {"actor/entropy": "entropy", "actor/kl_loss": "kl"}

seconds_to_end = 60


class Told:
    """What was told of a run: the metrics of its rounds, and its checkpoints. One that was not told counts for nothing."""

    def __init__(self, said: dict, log: Path):
        self.said, self.out, self.log, self.read = said, Path(said["out"]), log, 0
        self.latest = self.out / "latest_checkpointed_iteration.txt"
        reward = {"critic/score/mean": "shapedReward" if said["shaped"] else "reward"}
        self.names = {**names, **reward, **(names_of_means if said["means"] else {})}
        told = [json.loads(path.read_text()) for path in self.out.glob("global_step_*/told.json")]
        self.last = max(told, key=lambda round: round["step"], default={"step": 0, "tokens": 0})
        self.saved = self.last["step"]
        for folder in self.out.glob("global_step_*"):
            if folder.name != f"global_step_{self.saved}":
                shutil.rmtree(folder)  # verl lets go of those alone that it saved since it was started
        if self.saved > 0:
            self.latest.write_text(str(self.saved))
        else:
            self.latest.unlink(missing_ok=True)

    def newest(self) -> int:
        """The step of verl's newest whole checkpoint; 0 where there is none."""
        text = self.latest.read_text().strip() if self.latest.exists() else ""
        return int(text) if text else 0

    def tell(self) -> None:
        """Tells what has come since it was last called."""
        if not self.log.exists():
            return
        with open(self.log, "rb") as file:
            file.seek(self.read)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # not yet whole
                self.read += len(line)
                self.tell_round(**json.loads(line))
                # verl logs a round once its checkpoint is whole; of several at once the newest counts.
                if self.last["step"] == self.newest():
                    self.tell_checkpoint(self.last["step"])

    def tell_checkpoint(self, step: int) -> None:
        folder = self.out / f"global_step_{step}"
        (folder / "told.json.tmp").write_text(json.dumps(self.last))
        (folder / "told.json.tmp").rename(folder / "told.json")
        self.saved = step
        descent.emit("checkpoint", step=step, path=str(folder.relative_to(self.said["output"])))

    def tell_round(self, step: int, data: dict) -> None:
        # What is no number is null in verl's log.
        told = {name: math.nan if value is None else float(value) for name, value in data.items() if name in self.names}
        values = {self.names[name]: value for name, value in told.items()}
        values["lr"] = self.said["learningRates"][step - 1]  # verl logs that of the next round
        if self.said["criticLearningRates"] is not None:
            values["criticLr"] = self.said["criticLearningRates"][step - 1]
        odd = next((name for name, value in values.items() if not math.isfinite(value)), None)
        if odd is not None:
            descent.fail("diverged", f"{odd} became {values[odd]} at step {step}: training diverged")
        learned = round(values["responseLength"] * self.said["responses"]) * self.said["innerEpochs"]
        self.last = {"step": step, "tokens": self.last["tokens"] + learned, "added": learned, "values": values}
        descent.emit("metrics", **self.last)


def start(options: list[str], out: Path, log: Path) -> subprocess.Popen:
    """verl as a process, which is ended with this one."""
    libc = ctypes.CDLL(None)

    def end_with_parent():
        libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    more = {
        "VERL_FILE_LOGGER_PATH": str(log),
        "HF_DATASETS_CACHE": str(out / "hf-datasets"),
        "HYDRA_FULL_ERROR": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "verl.trainer.main_ppo", *options, f"hydra.run.dir={out / 'hydra-runs'}"],
        **{"cwd": out, "env": {**os.environ, **more}, "stdin": subprocess.DEVNULL, "stdout": 2},
        preexec_fn=end_with_parent,
    )


def end(child: subprocess.Popen) -> None:
    """Ends verl, and with it what Ray started."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(seconds_to_end)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(seconds_to_end)


def save_weights(folder: Path, into: Path) -> None:
    """The weights of a Hugging Face folder as one file, in float32."""
    weights = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            weights.update({name: file.get_tensor(name).float().contiguous() for name in file.keys()})
    if not weights:
        descent.fail("internal", f"verl left no model in {folder}")
    odd = next((name for name, tensor in weights.items() if not torch.isfinite(tensor).all()), None)
    if odd is not None:
        descent.fail("diverged", f"{odd} has values that are not finite: training diverged")
    save_file(weights, into, metadata={"format": "pt"})


def train(said: dict, told: Told, devices: int) -> None:
    """Has verl train to the last round. Ends the driver where that was stopped or failed."""
    child = start([*said["options"], f"trainer.n_gpus_per_node={devices}"], told.out, told.log)
    try:
        while child.poll() is None and not descent.stop_requested():
            told.tell()
            time.sleep(0.5)
        told.tell()
    finally:
        end(child)
    if told.saved == len(said["learningRates"]):
        return
    if descent.stop_requested():
        descent.emit("interrupted", step=told.saved)
        sys.exit(descent.interrupted)
    ended = f"verl ended with {child.returncode} after step {told.last['step']}"
    descent.fail("internal", f"{ended}: its last lines are in the errors' log")


def work(said: dict) -> None:
    out, steps = Path(said["out"]), len(said["learningRates"])
    log = out / "metrics.jsonl"
    log.unlink(missing_ok=True)
    told = Told(said, log)
    devices = torch.cuda.device_count()
    if devices == 0:
        remedy = "place the stage on a machine that has some, or take another engine"
        descent.fail("bad-job", f"verl trains on GPUs, and this machine shows none: {remedy}")
    if said["miniBatch"] % devices != 0:
        remedy = f"take a miniBatch that {devices} divides, or show it fewer in CUDA_VISIBLE_DEVICES"
        descent.fail("bad-job", f"verl cannot part {said['miniBatch']} responses among {devices} GPUs: {remedy}")
    parts = told.out / f"global_step_{told.saved}" / "actor"
    shown = next((path.name.split("_")[3] for path in parts.glob("model_world_size_*_rank_0.pt")), str(devices))
    if told.saved != steps and shown != str(devices):
        remedy = f"show it {shown} in CUDA_VISIBLE_DEVICES, or place the stage on a machine that has as many"
        descent.fail("bad-job", f"its checkpoint lies in parts of {shown} GPUs, and this machine shows {devices}: {remedy}")
    versions = f"verl {version('verl')}, vLLM {version('vllm')}, PyTorch {torch.__version__}"
    descent.emit("started", resumedFrom=told.saved or None, steps=steps, device="gpu", engine=versions)
    if told.saved == steps:
        descent.emit("metrics", **told.last)  # it was ended before its model was published
    else:
        train(said, told, devices)
    save_weights(out / f"global_step_{steps}" / "actor" / "huggingface", Path(said["weights"]))


if __name__ == "__main__":
    descent.run(work)
