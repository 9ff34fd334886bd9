"""What every driver has in common: events as lines of JSON, a request to stop, folders that appear whole.

A driver is started as `python driver.py <run.json>`. It writes a line of JSON for each event to standard output; whatever else
prints there, goes to standard error. SIGTERM asks it to save and to end; when its standard input ends, it ends at once. Exit codes: 0 done, 75 interrupted, else failed.
"""

import hashlib
import json
import os
import shutil
import signal
import struct
import sys
import threading
from pathlib import Path

interrupted = 75

_events = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

_stopped = False


def _stop(*_):
    global _stopped
    _stopped = True


def _end_with_parent():
    os.read(0, 1)  # nothing is written to it: it ends when the parent has
    os._exit(1)  # at once: another may be about to go on from the newest checkpoint


threading.Thread(target=_end_with_parent, daemon=True).start()
signal.signal(signal.SIGTERM, _stop)
signal.signal(signal.SIGINT, _stop)


def stop_requested() -> bool:
    return _stopped


def emit(event: str, **fields) -> None:
    """Writes one event."""
    _events.write(json.dumps({"event": event, **fields}) + "\n")


def trained_on(name: str, problems: dict[str, list[int]]) -> dict:
    """What a step learned from: problems of a data set by id, and what was made of each in tokens."""
    digest = hashlib.sha256()
    for tokens in problems.values():
        digest.update(struct.pack(f"<{len(tokens) + 1}i", len(tokens), *tokens))
    return {"digest": digest.hexdigest()[:16], "problems": {name: list(problems)}}


def fail(kind: str, message: str):
    """Ends the driver with a failure of a kind that Descent knows."""
    emit("failed", kind=kind, message=message)
    sys.exit(1)


def kind_of(error: BaseException) -> str:
    """The kind of an error that a framework raised; `internal` where it tells none."""
    text = f"{type(error).__name__}: {error}"
    if "out of memory" in text.lower() or isinstance(error, MemoryError):
        return "out-of-memory"
    if isinstance(error, OSError) and error.errno in (28, 122):
        return "disk-full"
    if "CUDA error" in text or "NCCL" in text:
        return "device-lost"
    # A norm of gradients, and probabilities to draw from, as PyTorch says it.
    if "non-finite" in text or "either `inf`, `nan`" in text:
        return "diverged"
    return "internal"


def whole(folder: Path, fill) -> None:
    """Makes a folder by filling one beside it and renaming that: it is there whole or not at all."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    fill(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """The whole checkpoints in a folder by step, the newest first."""
    found = [(int(path.name.removeprefix("step-")), path) for path in folder.glob("step-*")]
    return sorted(found, reverse=True)


def run(work) -> None:
    """Calls `work` with what run.json says, and tells what it raises as a failure."""
    with open(sys.argv[1], encoding="utf-8") as file:
        said = json.load(file)
    try:
        work(said)
    except Exception as error:  # every failure is told, with its stack on standard error
        import traceback

        traceback.print_exc()
        fail(kind_of(error), f"{type(error).__name__}: {error}")
