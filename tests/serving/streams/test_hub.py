"""Streams of one model go in common steps, and none of them is another's misfortune."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.streams.rooms import (
    PCM,
    SOUND,
    chunks,
    floats,
    is_empty,
    service,
    until,
    with_decision,
)
from sonant.card import Card
from sonant.errors import BundleError, ServeError
from sonant.runtime.session import StreamGraph
from sonant.serving.running import Running
from sonant.serving.status import Code, Refusal
from sonant.serving.streams.hub import Hub, Hubs
from sonant.serving.streams.stream import Stream
from tone_stream import HOP, whole

TOLERANCE = 1e-5


class Heard:
    """A stream and the answers to it."""

    def __init__(self, hub: Hub) -> None:
        self.answers: list[np.ndarray] = []
        self.peaks: list[float] = []
        self.failures: list[Exception] = []
        self.stream: Stream = hub.open(self.hear, on_failure=self.failures.append)

    def hear(self, answers: np.ndarray, peak: float) -> None:
        self.answers.append(answers)
        self.peaks.append(peak)

    @property
    def frames(self) -> np.ndarray:
        return np.concatenate(self.answers)


def running(service: Any) -> Running:
    found: Running = service.catalog.models["tones"]
    return found


def test_streams_of_any_age_and_kind_answer_as_the_network_does(stream_bundle: Path) -> None:
    async def talk() -> None:
        with service(stream_bundle) as room:
            hub = room.hubs.of(running(room))
            first, second, third = Heard(hub), Heard(hub), Heard(hub)
            for number, chunk in enumerate(chunks(PCM)):
                first.stream.push(chunk)
                if number >= 50:
                    second.stream.push(chunk)
                if number % 10 == 0:
                    await asyncio.sleep(0)
            third.stream.push(floats(SOUND), is_float=True)
            for heard in (first, second, third):
                await heard.stream.finish()
            wanted = finished(SOUND)
            for heard in (first, third):
                np.testing.assert_allclose(heard.frames, wanted, atol=1e-3)
                assert max(heard.peaks) > 0.9
            assert len(second.frames) == len(wanted) - 100
            assert max(room.metrics.steps) > 1

    asyncio.run(talk())


def finished(sound: np.ndarray) -> np.ndarray:
    """What is answered to a sound and the silence after it."""
    hops = -(-len(sound) // HOP) + 1
    return whole(np.concatenate([sound, np.zeros(hops * HOP - len(sound), np.float32)]))


@pytest.mark.parametrize("length", [1, 159, 160, 161, 320, 4001])
def test_finish_gives_exactly_what_is_owed(stream_bundle: Path, length: int) -> None:
    async def talk() -> np.ndarray:
        with service(stream_bundle) as room:
            heard = Heard(room.hubs.of(running(room)))
            heard.stream.push(floats(SOUND[9600 : 9600 + length]), is_float=True)
            await heard.stream.finish()
            assert heard.stream.heard == length
            return heard.frames

    np.testing.assert_allclose(
        asyncio.run(talk()), finished(SOUND[9600 : 9600 + length]), atol=TOLERANCE
    )


def test_a_stream_that_changes_to_floats_goes_on(stream_bundle: Path) -> None:
    async def talk() -> np.ndarray:
        with service(stream_bundle) as room:
            heard = Heard(room.hubs.of(running(room)))
            heard.stream.push(PCM[: 2001 * 2])
            heard.stream.push(floats(SOUND[2001:20_000]), is_float=True)
            heard.stream.push(PCM[20_000 * 2 :])
            await heard.stream.finish()
            return heard.frames

    np.testing.assert_allclose(asyncio.run(talk()), finished(SOUND), atol=1e-3)


def test_whoever_sends_too_fast_waits_for_room(stream_bundle: Path) -> None:
    async def talk() -> None:
        with service(stream_bundle) as room:
            hub = room.hubs.of(running(room))
            heard = Heard(hub)
            most = 0
            for chunk in chunks(PCM * 5, 16_000):
                heard.stream.push(chunk)
                most = max(most, len(heard.stream._pending))
                if heard.stream.is_full:
                    await heard.stream.room()
                    assert not heard.stream.is_full
            assert most <= 2 * hub.ahead_samples + 16_000
            heard.stream.push(PCM * 3)
            waiting = asyncio.ensure_future(heard.stream.room())
            await asyncio.sleep(0)
            heard.stream.close()
            await waiting

    asyncio.run(talk())


def test_a_listener_that_fails_ends_its_own_stream_only(stream_bundle: Path) -> None:
    async def talk() -> None:
        with service(stream_bundle) as room:
            hub = room.hubs.of(running(room))
            good, bad = Heard(hub), Heard(hub)
            bad.stream._listener = fail
            for heard in (good, bad):
                heard.stream.push(PCM)
                await heard.stream.finish()
            assert [str(error) for error in bad.failures] == ["no ear for this"]
            assert bad.stream.is_closed
            assert len(good.frames) == len(finished(SOUND))
            assert not good.failures

    def fail(*_: object) -> None:
        raise ValueError("no ear for this")

    asyncio.run(talk())


@pytest.mark.parametrize("ends", ["graph", "executor"])
def test_where_steps_fail_every_stream_in_them_hears_why(
    stream_bundle: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    async def talk() -> list[Exception]:
        with service(stream_bundle) as room:
            hub = room.hubs.of(running(room))
            heard = Heard(hub)
            if ends == "graph":
                graph: StreamGraph = hub.arena.graph
                monkeypatch.setattr(graph, "session", Broken(graph.session.io_binding))
            else:
                room.hubs._executor.shutdown()
            heard.stream.push(PCM)
            await until(lambda: bool(heard.failures))
            assert heard.stream.is_closed
            assert room.metrics.streams == 0
            return heard.failures

    (error,) = asyncio.run(talk())
    assert isinstance(error, BundleError if ends == "graph" else ServeError)


def is_vacant(hub: Hub) -> bool:
    return len(hub.arena) == 0


class Broken:
    def __init__(self, io_binding: Callable[[], Any]) -> None:
        self.io_binding = io_binding

    def run_with_iobinding(self, binding: object) -> None:
        raise RuntimeError("out of memory")


def test_hundreds_come_and_go_and_leave_nothing(stream_bundle: Path) -> None:
    async def talk() -> None:
        with service(stream_bundle) as room:
            hub = room.hubs.of(running(room))
            for _ in range(4):
                many = [Heard(hub) for _ in range(50)]
                for number, heard in enumerate(many):
                    heard.stream.push(PCM[: 640 * (1 + number % 3)])
                await asyncio.sleep(0.01)
                assert len(hub) == 50
                for heard in many[::-1]:
                    heard.stream.close()
                    heard.stream.close()
                await until(partial(is_vacant, hub))
            del hub, many, heard
            await until(lambda: is_empty(room))

    asyncio.run(talk())


def test_a_version_has_one_hub_and_another_has_its_own(stream_bundle: Path) -> None:
    with service(stream_bundle, stream_bundle) as room:
        first, second = room.catalog.models.values()
        hub = room.hubs.of(first)
        assert room.hubs.of(first) is hub
        assert room.hubs.of(second) is not hub
        assert hub.bytes_per_stream > hub.arena.bytes_per_stream


def test_more_than_may_be_are_refused(stream_bundle: Path) -> None:
    async def talk() -> None:
        with service(stream_bundle, None, max_streams=2) as room:
            hub = room.hubs.of(running(room))
            heard = [Heard(hub), Heard(hub)]
            with pytest.raises(Refusal, match="are taken") as refused:
                Heard(hub)
            assert refused.value.code is Code.UNAVAILABLE
            heard[0].stream.close()
            Heard(hub)
            with room.hubs.seat(), room.hubs.seat(), pytest.raises(Refusal), room.hubs.seat():
                pass
            assert room.hubs.seats == 0
            with pytest.raises(Refusal, match="does not hear streams, only whole clips"):
                room.hubs.of(room.catalog.models["tones1"])

    asyncio.run(talk())


def test_a_model_without_keywords_has_no_peaks(stream_bundle: Path) -> None:
    card = Card.read(with_decision(stream_bundle, labels=("nothing",)))
    with ThreadPoolExecutor(1) as executor:

        async def talk() -> None:
            with service(card.path) as room:
                heard = Heard(Hubs(executor).of(running(room)))
                heard.stream.push(PCM[:64_000])
                await heard.stream.finish()
                assert set(heard.peaks) == {0.0}

        asyncio.run(talk())
