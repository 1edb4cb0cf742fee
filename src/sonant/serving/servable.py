"""What the server serves: anything with signatures that turns tensors into tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from sonant.runtime.session import StreamGraph
from sonant.serving.tensors import Signature, Tensors


class Servable(ABC):
    """One loaded version of a model.

    `prepare` and `run` are called on inference threads, several at a time: they keep no state.
    """

    signatures: Mapping[str, Signature]
    """Name -> signature."""
    labels: tuple[str, ...] = ()
    """What the scores are of, where the model recognises something."""
    stream: StreamGraph | None = None
    """For live audio, where the model streams."""

    def prepare(self, signature: str, inputs: Tensors) -> Tensors:
        """Bring the inputs of one request to what `run` takes: decode, resample, cut to length.

        Raises `Refusal`; only this request fails then, not those it would have been batched with.
        """
        return inputs

    @abstractmethod
    def run(self, signature: str, inputs: Tensors) -> Tensors:
        """Answer prepared inputs, of one request or of several joined along their first axis.

        Raises `Refusal` with the message that the client reads.
        """

    def batches(self, signature: str) -> bool:
        """Whether requests may be joined along the first axis of all inputs and outputs."""
        return True

    @abstractmethod
    def warm_up(self, size: int) -> None:
        """Run once with a batch of `size`, so that no client waits for the first run of it."""
