"""The limit: onnxruntime in a loop over clips in memory, one thread a core: bare_loop.py FOLDER.

Reads `<batch> <seconds>` from standard input, line by line, and answers with clips a second as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

ERRORS_ONLY = 3


def open_graph(path: str) -> Any:
    """One thread inside: the loop runs one after the other on each core."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def turn(sessions: list[Any], clips: Any, *, batch: int, seconds: float) -> float:
    """Clips a second of all threads together."""
    many = np.resize(clips, (max(batch, len(clips)), clips.shape[1]))
    batches = [many[at : at + batch] for at in range(0, len(many) - batch + 1, batch)]
    counts = [0] * len(sessions)
    end = time.perf_counter() + seconds

    def loop(number: int) -> None:
        run, at = sessions[number].run, number
        while time.perf_counter() < end:
            run(["probabilities"], {"samples": batches[at % len(batches)]})
            counts[number] += batch
            at += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=loop, args=(number,)) for number in range(len(sessions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def main(folder: Path) -> None:
    """Answer until standard input ends."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sessions = [open_graph(facts["graph"]) for _ in range(cores or 1)]
    clips = np.load(folder / "clips.npy").astype(np.float32) / 32768
    for line in sys.stdin:
        batch, seconds = line.split()
        print(
            json.dumps(turn(sessions, clips, batch=int(batch), seconds=float(seconds))), flush=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
