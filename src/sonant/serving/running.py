"""A version that is loaded and answers, for as long as anybody has hold of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, final

from sonant.serving.batching import Batcher, Batching
from sonant.serving.servable import Servable
from sonant.serving.status import invalid
from sonant.serving.tensors import DEFAULT_SIGNATURE, Method, Signature, Tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from sonant.serving.batching import Ran


@final
class Running:
    """One loaded version: its servable, the queue before it, and how many requests it has in hand."""

    def __init__(
        self,
        servable: Servable,
        *,
        name: str,
        version: int,
        executor: ThreadPoolExecutor,
        batching: Batching,
        on_run: Callable[[Ran], None] | None = None,
    ) -> None:
        """Nothing is run here: whoever loads it has warmed the servable up."""
        self.servable: Final = servable
        self.name: Final = name
        self.version: Final = version
        self.batcher: Final = Batcher(servable, executor=executor, batching=batching, on_run=on_run)
        self.in_hand = 0
        """Requests and streams that hold it."""
        self._left = asyncio.Event()
        self._left.set()

    @contextmanager
    def held(self) -> Iterator[Running]:
        """While it is held, the version stays loaded, whatever the catalog does."""
        self.in_hand += 1
        self._left.clear()
        try:
            yield self
        finally:
            self.in_hand -= 1
            if not self.in_hand:
                self._left.set()

    async def left(self) -> None:
        """Wait until nobody holds it."""
        await self._left.wait()

    def signature(self, name: str) -> Signature:
        """The signature of that name, the default one for ""; raises `Refusal` (INVALID_ARGUMENT)."""
        found = self.servable.signatures.get(name or DEFAULT_SIGNATURE)
        if found is None:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        return found

    def signature_for(self, method: Method, name: str) -> Signature:
        """The same for classify and regress, which have an error of their own."""
        found = self.servable.signatures.get(name or DEFAULT_SIGNATURE)
        if found is None:
            raise invalid(f"No signature was found with the name: {name or DEFAULT_SIGNATURE}")
        if found.method is not method:
            what = "classification" if method is Method.CLASSIFY else "regression"
            raise invalid(
                f"Expected {what} signature method_name to be {method.value}. "
                f"Was: {found.method.value}"
            )
        return found

    async def run(
        self, signature: str, inputs: Tensors, *, deadline: float | None = None
    ) -> Tensors:
        """Answer one request through the queue; raises `Refusal`, see `Batcher.run`."""
        return await self.batcher.run(
            signature or DEFAULT_SIGNATURE,
            inputs,
            deadline=math.inf if deadline is None else deadline,
        )
