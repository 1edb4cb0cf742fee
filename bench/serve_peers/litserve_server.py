"""The same in LitServe: litserve_server.py GRAPH LABELS PORT BATCH [THREADS].

Its `LitAPI` as the documentation has it; with BATCH above 1, requests wait up to 2 ms for each other.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime

TIMEOUT_S = 0.002


class Keywords(litserve.LitAPI):  # type: ignore[misc]
    """A clip in, a label out."""

    def __init__(self, graph: str, labels: list[str], batch: int, threads: int) -> None:
        waits = {"max_batch_size": batch, "batch_timeout": TIMEOUT_S} if batch > 1 else {}
        super().__init__(**waits)
        self.graph, self.labels, self.many, self.threads = graph, labels, batch > 1, threads

    def setup(self, device: str) -> None:
        """In the process that runs the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        self.session = onnxruntime.InferenceSession(
            self.graph, options, providers=["CPUExecutionProvider"]
        )

    def decode_request(self, request: dict[str, str]) -> Any:
        """Base64 of 16-bit PCM -> samples."""
        pcm = np.frombuffer(base64.b64decode(request["audio"]), dtype=np.int16)
        return pcm.astype(np.float32) / 32768.0

    def predict(self, x: Any) -> Any:
        """[samples], or where it joins requests [batch, samples]."""
        samples = x if self.many else x[None]
        (scores,) = self.session.run(["probabilities"], {"samples": samples})
        return scores if self.many else scores[0]

    def encode_response(self, output: Any) -> dict[str, Any]:
        """One row of scores."""
        return {"label": self.labels[int(output.argmax())], "scores": output.tolist()}


def main(graph: str, labels: str, port: int, batch: int, threads: int = 0) -> None:
    """Serve until told to end."""
    api = Keywords(graph, labels.split(","), batch, threads)
    server = litserve.LitServer(api, accelerator="cpu", devices=1)
    server.run(
        host="127.0.0.1", port=port, generate_client_file=False, log_level="warning",
        access_log=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(number) for number in sys.argv[3:]))
