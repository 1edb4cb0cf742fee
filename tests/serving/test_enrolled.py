"""What all of the server asks of the store and of the models that hear voices."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from serving.streams.rooms import service
from serving.voiced import write_calibrated
from sonant.errors import StoreError
from sonant.serving.enrolled import speaker_models, stored
from sonant.serving.status import Code, Refusal


def test_the_store_is_asked_off_the_loop() -> None:
    async def where() -> tuple[threading.Thread, threading.Thread]:
        return await stored(threading.current_thread), threading.current_thread()

    asked, loop = asyncio.run(where())
    assert asked is not loop


def test_what_is_wrong_with_it_goes_to_the_log_and_not_to_the_client(caplog: Any) -> None:
    def fail() -> None:
        raise StoreError("postgresql://host/names: no route")

    with pytest.raises(Refusal) as refused:
        asyncio.run(stored(fail))
    assert refused.value.code is Code.UNAVAILABLE
    assert "host" not in refused.value.message
    assert "no route" in caplog.text


def test_models_of_voices_are_held_and_others_are_not(stream_bundle: Path, tmp_path: Path) -> None:
    with service(stream_bundle, None, voices=write_calibrated(tmp_path)) as room:
        models = room.catalog.models
        with ExitStack() as stack:
            assert [one.name for one in speaker_models(room.catalog, stack)] == ["voices"]
            assert {name: one.in_hand for name, one in models.items()} == {
                "tones": 0,
                "tones1": 0,
                "voices": 1,
            }
        assert models["voices"].in_hand == 0
