"""Many streams on common steps answer as each of them would alone, whoever comes and goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.audio import to_pcm16
from sonant.card import Card
from sonant.errors import BundleError, SonantError
from sonant.runtime.arena import GROWTH, RUN_ROWS, Arena, Row
from sonant.runtime.hop_by_hop import FEWEST_ROWS
from sonant.runtime.session import Session, StreamGraph
from tone_stream import HOP, LABELS, spoken, write_stream

TOLERANCE = 1e-5
TONES = spoken("_silence_", "high", "_silence_", "low", "mid", seconds=0.2)
STEPS = len(TONES) // (2 * HOP)
SOUND = TONES[: STEPS * 2 * HOP].reshape(STEPS, 2 * HOP)
"""Steps of two hops, which is what an arena makes of 10 ms a hop."""


@pytest.fixture(scope="module")
def free(stream_bundle: Path) -> StreamGraph:
    return StreamGraph(Card.read(stream_bundle))


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> StreamGraph:
    return StreamGraph(Card.read(write_stream(tmp_path_factory.mktemp("fixed"), hops=2)))


@pytest.fixture(scope="module")
def short(short_bundle: Path) -> StreamGraph:
    """Takes any number, and has another graph for steps of one hop."""
    return StreamGraph(Card.read(short_bundle))


@pytest.fixture(params=["free", "fixed", "short"])
def graph(request: pytest.FixtureRequest) -> StreamGraph:
    found: StreamGraph = request.getfixturevalue(request.param)
    return found


class Pair:
    """The same stream in an arena and alone."""

    def __init__(self, arena: Arena, *, age: int = 0) -> None:
        self.row: Row = arena.open()
        self.alone: Session = arena.graph.open()
        self.age = age

    def samples(self) -> np.ndarray:
        self.age += 1
        return SOUND[self.age % STEPS]


def step(arena: Arena, pairs: list[Pair]) -> None:
    """One step of all pairs, compared."""
    if not pairs:
        return
    samples = [pair.samples() for pair in pairs]
    given = arena.step([pair.row for pair in pairs], [np.stack(samples)])
    assert given.shape == (len(pairs), arena.hops, len(LABELS))
    for pair, block, answers in zip(pairs, samples, given, strict=True):
        np.testing.assert_allclose(answers, pair.alone.push(block), atol=TOLERANCE)


def test_a_step_is_about_20_ms_or_what_the_graph_wants(
    free: StreamGraph, fixed: StreamGraph
) -> None:
    assert (Arena(free, limit=4).hops, Arena(fixed, limit=4).hops) == (2, 2)
    assert Arena(free, limit=4, hops=5).step_samples == 5 * HOP
    with pytest.raises(SonantError, match="takes 2 hops a step, not 3"):
        Arena(fixed, limit=4, hops=3)


@settings(deadline=None, max_examples=30)
@given(
    moves=st.lists(
        st.one_of(
            st.just(("open", 0)),
            st.tuples(st.just("close"), st.integers(0, 9)),
            st.tuples(st.just("step"), st.integers(0, 2**10 - 1)),
        ),
        max_size=40,
    )
)
def test_streams_that_come_and_go_answer_as_alone(
    free: StreamGraph, fixed: StreamGraph, moves: list[tuple[str, int]]
) -> None:
    for graph in (free, fixed):
        arena = Arena(graph, limit=10)
        pairs: list[Pair] = []
        for move, number in moves:
            if move == "open" and len(pairs) < 10:
                pairs.append(Pair(arena, age=len(moves)))
            elif move == "close" and number < len(pairs):
                arena.close(pairs.pop(number).row)
            elif move == "step":
                step(arena, [pair for at, pair in enumerate(pairs) if number >> at & 1])
        assert len(arena) == len(pairs)
        # Whatever happened before: all of them, in any order.
        step(arena, pairs[::-1])


@pytest.mark.parametrize("ready", [[0, 1, 2, 3], [3, 1, 0, 2], [0, 1], [0, 1, 2], [3], [1, 3]])
def test_whoever_is_ready_goes_on_and_the_others_stand_still(
    graph: StreamGraph, ready: list[int]
) -> None:
    arena = Arena(graph, limit=4)
    pairs = [Pair(arena, age=3 * number) for number in range(4)]
    step(arena, pairs)
    for _ in range(3):
        step(arena, [pairs[number] for number in ready])
    step(arena, pairs)


def test_whole_numbers_and_floats_go_together(graph: StreamGraph) -> None:
    arena = Arena(graph, limit=3)
    rows = [arena.open() for _ in range(3)]
    pcm = to_pcm16(SOUND[30:32].reshape(-1)).reshape(2, -1)
    given = arena.step([rows[2], rows[0], rows[1]], [pcm, SOUND[33:34]])
    for answers, block in zip(given, [pcm[0], pcm[1], SOUND[33]], strict=True):
        np.testing.assert_allclose(answers, graph.open().push(block), atol=TOLERANCE)


def test_answers_given_stay_as_they_were_given(graph: StreamGraph) -> None:
    arena = Arena(graph, limit=2)
    rows = [arena.open(), arena.open()]
    for some in (rows, rows[1:]):
        first = arena.step(some, [SOUND[: len(some)]])
        kept = first.copy()
        arena.step(some, [SOUND[20 : 20 + len(some)]])
        np.testing.assert_array_equal(first, kept)


def test_room_follows_the_number_of_streams_and_has_an_end(free: StreamGraph) -> None:
    arena = Arena(free, limit=3 * GROWTH + 1)
    assert arena.capacity == GROWTH
    rows = [arena.open() for _ in range(arena.limit)]
    assert arena.capacity == arena.limit
    with pytest.raises(SonantError, match="has room for 193 streams, and all are taken"):
        arena.open()
    for row in rows:
        arena.close(row)
        arena.close(row)
    assert len(arena) == 0
    assert arena.capacity == 2 * GROWTH


def test_more_streams_than_one_run_takes_are_taken_in_several(
    free: StreamGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonant.runtime.arena.RUN_ROWS", 3)
    arena = Arena(free, limit=11)
    pairs = [Pair(arena, age=5 * number) for number in range(11)]
    for ready in (pairs, pairs[:7], pairs[4:], pairs[::2], pairs):
        step(arena, ready)


def test_growing_and_shrinking_disturb_nobody(free: StreamGraph) -> None:
    arena = Arena(free, limit=1000)
    first = Pair(arena, age=7)
    step(arena, [first])
    others = [arena.open() for _ in range(3 * GROWTH)]
    step(arena, [first])
    for other in others:
        arena.close(other)
    step(arena, [first])


def test_a_row_that_is_used_again_begins_from_silence(graph: StreamGraph) -> None:
    arena = Arena(graph, limit=1)
    for _ in range(3):
        row = arena.open()
        for block in SOUND[20:25]:
            arena.step([row], [block[None]])
        arena.close(row)
    step(arena, [Pair(arena)])


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("count", [FEWEST_ROWS - 1, FEWEST_ROWS, RUN_ROWS + FEWEST_ROWS])
def test_many_streams_in_short_steps_answer_as_alone(
    short: StreamGraph, free: StreamGraph, count: int, hops: int
) -> None:
    arenas = [Arena(graph, limit=2 * RUN_ROWS, hops=hops) for graph in (short, free)]
    rows = [[arena.open() for _ in range(count + 3)] for arena in arenas]
    sound = np.resize(SOUND, (6, count, hops * HOP))
    for number, block in enumerate(sound):
        # All in turn, those at the front, and some from everywhere.
        first = (0, 0, 3)[number % 3]
        given, wanted = (
            arena.step(own[first : first + count], [block])
            for arena, own in zip(arenas, rows, strict=True)
        )
        np.testing.assert_allclose(given, wanted, atol=TOLERANCE)


def test_what_a_stream_takes_is_known(free: StreamGraph) -> None:
    arena = Arena(free, limit=8)
    states = 4 * sum(state.nbytes // 4 for side in arena._states for state in side)
    kept = states + arena._inbox.nbytes + arena._outbox.nbytes
    assert arena.bytes_per_stream * arena.capacity == kept
    assert arena.bytes_per_stream > 3 * free.stream.bytes


def test_a_step_wants_its_own_streams_and_a_step_of_each(free: StreamGraph) -> None:
    arena, other = Arena(free, limit=2), Arena(free, limit=2)
    row = arena.open()
    for rows in ([row, row], [other.open()]):
        with pytest.raises(SonantError, match="different streams that this arena has opened"):
            arena.step(rows, [SOUND[: len(rows)]])
    for samples in ([SOUND[:2]], [SOUND[:1, 1:]], [SOUND[0]], [SOUND[:1].astype(float)], []):
        with pytest.raises(SonantError, match=r"wants \[1, 320\] samples"):
            arena.step([row], samples)
    assert arena.step([], []).shape == (0, 2, len(LABELS))
    arena.close(row)
    with pytest.raises(SonantError, match="has opened"):
        arena.step([row], [SOUND[:1]])


def test_where_the_graph_for_one_hop_fails_nothing_was_heard(
    short: StreamGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = Arena(short, limit=FEWEST_ROWS)
    pairs = [Pair(arena) for _ in range(FEWEST_ROWS)]
    step(arena, pairs)
    assert arena._short is not None
    one_hop, left = arena._short._session, [1]

    class Broken:
        io_binding = one_hop.io_binding

        def run_with_iobinding(self, binding: onnxruntime.IOBinding) -> None:
            if not left.pop():
                raise RuntimeError("out of memory")
            left.append(0)
            one_hop.run_with_iobinding(binding)

    with monkeypatch.context() as patch:
        patch.setattr(arena._short, "_session", Broken())
        with pytest.raises(BundleError, match=r"step\.onnx: failed \(out of memory\)"):
            arena.step([pair.row for pair in pairs], [np.resize(SOUND, (len(pairs), 2 * HOP))])
    step(arena, pairs)


def test_where_the_graph_fails_nothing_was_heard(
    free: StreamGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = Arena(free, limit=2)
    pairs = [Pair(arena), Pair(arena)]
    step(arena, pairs)

    class Broken:
        def __init__(self) -> None:
            self.io_binding = free.session.io_binding

        def run_with_iobinding(self, binding: object) -> None:
            raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(free, "session", Broken())
        with pytest.raises(BundleError, match=r"stream\.onnx: failed \(out of memory\)"):
            arena.step([pairs[0].row, pairs[1].row], [SOUND[:2]])
    step(arena, pairs)
