"""A FastAPI + onnxruntime server as users write it: fastapi_server.py GRAPH LABELS PORT [THREADS].

One process; three endpoints over one session: base64 in JSON in an `async def`, the same in a `def`
(which FastAPI runs on its thread pool), and the bare bytes as the body.
"""

from __future__ import annotations

import base64
import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

GRAPH, LABELS, PORT = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3])
THREADS = int(sys.argv[4]) if len(sys.argv) > 4 else 0

options = onnxruntime.SessionOptions()
# Users leave it alone; where the server is held to some cores, the session must not leave them.
options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession(GRAPH, options, providers=["CPUExecutionProvider"])
app = FastAPI()


class Clip(BaseModel):
    """What a client sends."""

    audio: str
    """Base64 of 16-bit PCM."""


class Answer(BaseModel):
    """What it gets."""

    label: str
    scores: list[float]


def recognise(pcm: bytes) -> Answer:
    """Decode, run, name the best."""
    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768.0
    (scores,) = session.run(["probabilities"], {"samples": samples[None]})[0]
    return Answer(label=LABELS[int(scores.argmax())], scores=scores.tolist())


@app.post("/predict")
async def predict(clip: Clip) -> Answer:
    """Base64, on the event loop."""
    return recognise(base64.b64decode(clip.audio))


@app.post("/predict_in_pool")
def predict_in_pool(clip: Clip) -> Answer:
    """Base64, on a thread of the pool."""
    return recognise(base64.b64decode(clip.audio))


@app.post("/predict_raw")
async def predict_raw(request: Request) -> Answer:
    """The body is the PCM."""
    return recognise(await request.body())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
