"""Who is enrolled, as all of the server asks: the store off the loop, and the models that hear voices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from typing import Final, Protocol, TypeVar

from sonant.errors import StoreError
from sonant.serving.running import Running
from sonant.serving.speaker_bundles import SpeakerServable
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Code, Refusal

LOG: Final = logging.getLogger("sonant.serving")
RETRY_S: Final = 5.0

T = TypeVar("T")


class Models(Protocol):
    """What is asked of the catalog."""

    def names(self) -> Collection[str]: ...  # noqa: D102
    def held(self, spec: ModelSpec, /) -> AbstractContextManager[Running]: ...  # noqa: D102


def speaker_models(models: Models, stack: ExitStack) -> list[Running]:
    """The newest version of every loaded model that tells voices apart, held by the stack."""
    found = []
    for name in sorted(models.names()):
        try:
            with models.held(ModelSpec(name=name)) as running:
                if isinstance(running.servable, SpeakerServable):
                    found.append(stack.enter_context(running.held()))
        except Refusal:
            # What is not loaded cannot be told to be one; `ready` says that it is missing.
            continue
    return found


async def stored(ask: Callable[[], T]) -> T:
    """Ask the store off the loop; what is wrong with it is for the log, and no client's business.

    Raises `Refusal` (UNAVAILABLE) then.
    """
    try:
        return await asyncio.to_thread(ask)
    except StoreError as error:
        LOG.warning("the speaker store failed: %s", error)
        message = "the speaker store does not answer; the server's log says why"
        raise Refusal(Code.UNAVAILABLE, message, retry_after_s=RETRY_S) from error
