"""A live stream answers as the network does over the whole signal, however its samples come."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles import RATE_HZ
from sonant.audio import from_pcm16, to_pcm16
from sonant.card import FILE, Card
from sonant.errors import AudioError, BundleError, SonantError
from sonant.runtime.session import StreamGraph
from tone_stream import DELAY, HOP, LABELS, MEAN, WINDOW, spoken, whole, write_stream

SOUND = spoken("_silence_", "high", "_silence_", "low", "mid", seconds=0.5)
TOLERANCE = 1e-5


@pytest.fixture(scope="session")
def free(stream_bundle: Path) -> StreamGraph:
    """Takes any number of hops a step."""
    return StreamGraph(Card.read(stream_bundle))


@pytest.fixture(scope="session")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> StreamGraph:
    """Takes two hops a step."""
    return StreamGraph(Card.read(write_stream(tmp_path_factory.mktemp("fixed"), hops=2)))


@pytest.fixture(scope="session")
def short(short_bundle: Path) -> StreamGraph:
    """Takes any number, and has another graph for steps of one hop."""
    return StreamGraph(Card.read(short_bundle))


@pytest.fixture(params=["free", "fixed", "short"])
def graph(request: pytest.FixtureRequest) -> StreamGraph:
    found: StreamGraph = request.getfixturevalue(request.param)
    return found


def test_the_graph_says_how_it_steps(free: StreamGraph, fixed: StreamGraph) -> None:
    assert (free.step_hops, fixed.step_hops) == (None, 2)
    assert (free.stream.hop, free.stream.delay) == (HOP, DELAY)
    assert free.stream.warm_up == WINDOW + (MEAN - 1) * HOP
    assert free.hop_s == pytest.approx(0.01)
    assert free.first_s == pytest.approx(0.005)


@settings(deadline=None, max_examples=25)
@given(cuts=st.lists(st.integers(0, 5000), min_size=1, max_size=30))
def test_the_answer_does_not_depend_on_how_samples_come(free: StreamGraph, cuts: list[int]) -> None:
    session = free.open()
    parts = np.split(SOUND, np.minimum(np.cumsum(cuts), len(SOUND)))
    answers = np.concatenate([session.push(part) for part in parts])
    np.testing.assert_allclose(answers, whole(SOUND), atol=TOLERANCE)


@settings(deadline=None, max_examples=25)
@given(hops=st.lists(st.integers(1, 9), min_size=1, max_size=30))
def test_a_stream_goes_from_the_graph_for_one_hop_to_the_other_and_back(
    short: StreamGraph, hops: list[int]
) -> None:
    session = short.open()
    parts = np.split(SOUND, np.minimum(np.cumsum(hops) * HOP, len(SOUND)))
    answers = np.concatenate([session.push(part) for part in parts])
    np.testing.assert_allclose(answers, whole(SOUND), atol=TOLERANCE)


def test_one_hop_runs_on_its_own_graph_and_more_on_the_other(
    short: StreamGraph, free: StreamGraph
) -> None:
    assert short.runner(1) is short.one_hop is not short.session
    assert short.runner(2) is short.session
    assert free.one_hop is None
    assert free.runner(1) is free.session


@pytest.mark.parametrize("size", [1, 159, 160, 161, 4000, 100_000])
def test_blocks_of_any_size_give_the_same(graph: StreamGraph, size: int) -> None:
    session = graph.open()
    sound = SOUND[: 3000 * max(1, min(size, 10))]
    answers = [session.push(sound[at : at + size]) for at in range(0, len(sound), size)]
    given, wanted = np.concatenate(answers), whole(sound)
    steps = graph.step_hops or 1
    np.testing.assert_allclose(given, wanted[: len(wanted) // steps * steps], atol=TOLERANCE)


def test_whole_numbers_are_heard_as_floats_are(graph: StreamGraph) -> None:
    pcm = to_pcm16(SOUND)
    by_pcm, by_float = graph.open().push(pcm), graph.open().push(from_pcm16(pcm))
    np.testing.assert_array_equal(by_pcm, by_float)


def test_too_few_samples_for_an_answer_give_none(graph: StreamGraph) -> None:
    session = graph.open()
    answers = session.push(SOUND[: HOP - 1])
    assert answers.shape == (0, len(LABELS))
    assert answers.dtype == np.float32
    assert session.seconds == pytest.approx((HOP - 1) / RATE_HZ)


def test_answers_given_stay_as_they_were_given(graph: StreamGraph) -> None:
    session = graph.open()
    first = session.push(spoken("high"))
    kept = first.copy()
    session.push(spoken("low"))
    np.testing.assert_array_equal(first, kept)


def test_reset_is_a_new_stream_to_the_bit(graph: StreamGraph) -> None:
    session = graph.open()
    wanted = session.push(SOUND)
    session.push(SOUND[:1111])
    session.reset()
    assert (session.seconds, session.answered, session.warm) == (0.0, 0, False)
    assert not any(state.any() for side in session._states for state in side)
    np.testing.assert_array_equal(session.push(SOUND), wanted)


@pytest.mark.parametrize("length", [0, 1, 160, 161, 320, 2000])
def test_finish_gives_what_is_owed(graph: StreamGraph, length: int) -> None:
    session = graph.open()
    sound = SOUND[8000 : 8000 + length]
    answers = np.concatenate([session.push(sound), session.finish()])
    # Every hop that was begun, and one more for the 5 ms that the network looks ahead.
    frames = -(-length // HOP) + 1
    silence = np.zeros(frames * HOP - length, np.float32)
    assert len(answers) == frames
    np.testing.assert_allclose(answers, whole(np.concatenate([sound, silence])), atol=TOLERANCE)


def test_answers_have_the_time_of_the_sound_they_speak_of(free: StreamGraph) -> None:
    session = free.open()
    assert session.next_s == pytest.approx((HOP - DELAY) / RATE_HZ)
    session.push(SOUND[: 10 * HOP + 7])
    assert session.next_s == pytest.approx((11 * HOP - DELAY) / RATE_HZ)
    assert session.seconds == pytest.approx((10 * HOP + 7) / RATE_HZ)


def test_a_stream_is_warm_once_no_answer_saw_the_silence_before_it(free: StreamGraph) -> None:
    session = free.open()
    hops = -(-free.stream.warm_up // HOP)
    session.push(SOUND[: hops * HOP - 1])
    assert not session.warm
    session.push(SOUND[:1])
    assert session.warm


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((1, 160), np.float32), r"not \[1, 160\] of float32"),
        (np.zeros(160), r"not \[160\] of float64"),
        (np.full(160, np.nan, np.float32), "are not numbers"),
        (np.array([0, np.inf], np.float32), "are not numbers"),
    ],
)
def test_samples_that_are_none_are_refused_and_nothing_is_heard(
    free: StreamGraph, samples: np.ndarray, reason: str
) -> None:
    session = free.open()
    session.push(SOUND[:1000])
    with pytest.raises(AudioError, match=reason):
        session.push(samples)
    with pytest.raises(AudioError, match=reason):
        free.step([session], [samples])
    rest = session.push(SOUND[1000:])
    np.testing.assert_allclose(rest, whole(SOUND)[1000 // HOP :], atol=TOLERANCE)


@settings(deadline=None, max_examples=15)
@given(
    ages=st.lists(st.integers(0, 3000), min_size=1, max_size=5),
    sizes=st.lists(st.integers(0, 1500), min_size=1, max_size=5),
)
def test_streams_of_any_age_in_one_batch_answer_as_alone(
    free: StreamGraph, fixed: StreamGraph, short: StreamGraph, ages: list[int], sizes: list[int]
) -> None:
    for graph in (free, fixed, short):
        together = [graph.open() for _ in ages]
        alone = [graph.open() for _ in ages]
        for number, age in enumerate(ages):
            together[number].push(SOUND[7000 : 7000 + age])
            alone[number].push(SOUND[7000 : 7000 + age])
        for step in range(3):
            chunks = [
                SOUND[7000 + age + 997 * step :][: sizes[(number + step) % len(sizes)]]
                for number, age in enumerate(ages)
            ]
            given = graph.step(together, chunks)
            for session, chunk, rows in zip(alone, chunks, given, strict=True):
                np.testing.assert_allclose(rows, session.push(chunk), atol=TOLERANCE)


def test_a_stream_goes_on_alone_after_a_batch(free: StreamGraph) -> None:
    first, second = free.open(), free.open()
    free.step([first, second], [SOUND[:5000], to_pcm16(SOUND[:900])])
    rest = first.push(SOUND[5000:])
    np.testing.assert_allclose(rest, whole(SOUND)[5000 // HOP :], atol=TOLERANCE)


def test_a_step_wants_different_streams_of_its_own_graph(
    free: StreamGraph, fixed: StreamGraph
) -> None:
    session = free.open()
    with pytest.raises(SonantError, match="several different sessions"):
        free.step([session, session], [SOUND, SOUND])
    with pytest.raises(SonantError, match="several different sessions"):
        free.step([session], [SOUND, SOUND])
    with pytest.raises(SonantError, match="that this graph has opened"):
        fixed.step([session], [SOUND])
    assert free.step([], []) == []


def test_threads_share_a_graph(free: StreamGraph) -> None:
    wanted = whole(SOUND)
    answers: dict[int, np.ndarray] = {}

    def hear(number: int) -> None:
        session = free.open()
        size = 100 + 37 * number
        rows = [session.push(SOUND[at : at + size]) for at in range(0, len(SOUND), size)]
        answers[number] = np.concatenate(rows)

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(answers[number], wanted, atol=TOLERANCE)


def test_what_a_stream_keeps_is_what_the_card_says(free: StreamGraph) -> None:
    session = free.open()
    kept = sum(state.nbytes for state in session._states[0])
    assert kept == free.stream.bytes


def changed(
    bundle: Path, folder: Path, change: dict[str, object], *, graph: str = "stream", **more: str
) -> Card:
    """The card of a copy whose stream says something else."""
    tree = json.loads((bundle / FILE).read_text())
    tree["graphs"][graph]["stream"] |= change
    tree["graphs"][graph] |= more
    (folder / "graphs").mkdir()
    for name in tree["files"]:
        (folder / name).write_bytes((bundle / name).read_bytes())
    (folder / FILE).write_text(json.dumps(tree))
    return Card.read(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"states": []}, "has the inputs samples, state"),
        ({"hop": 170}, "takes 320 samples a step, want a multiple of the hop of 170"),
    ],
)
def test_a_graph_that_is_not_as_the_card_says_is_refused(
    fixed: StreamGraph, tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    card = changed(fixed.card.path, tmp_path, change)
    with pytest.raises(BundleError, match=reason):
        StreamGraph(card)


@pytest.mark.parametrize("change", [{"delay": 0}, {"hop": 80}, {"states": []}])
def test_a_graph_for_one_hop_that_is_of_another_stream_is_refused(
    short_bundle: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    card = changed(short_bundle, tmp_path, change, graph="step")
    with pytest.raises(BundleError, match=r"step\.onnx: is no step of one hop of graphs/stream"):
        StreamGraph(card)


def test_a_graph_for_one_hop_that_takes_more_is_refused(short_bundle: Path, tmp_path: Path) -> None:
    card = changed(short_bundle, tmp_path, {}, graph="step", file="graphs/stream.onnx")
    with pytest.raises(BundleError, match=r"stream\.onnx: is no step of one hop"):
        StreamGraph(card)


def test_a_graph_for_one_hop_that_changed_is_refused(short_bundle: Path, tmp_path: Path) -> None:
    card = changed(short_bundle, tmp_path, {})
    with (tmp_path / "graphs" / "step.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(BundleError, match=r"step\.onnx: is not the file that was written"):
        StreamGraph(card)


def test_a_state_of_another_shape_is_refused(stream_bundle: Path, tmp_path: Path) -> None:
    states = json.loads((stream_bundle / FILE).read_text())["graphs"]["stream"]["stream"]["states"]
    states[0]["shape"] = [1, 99]
    with pytest.raises(BundleError, match=r"want \[batch, 1, 99\]"):
        StreamGraph(changed(stream_bundle, tmp_path, {"states": states}))


def test_a_file_that_changed_after_the_card_was_read_is_refused(
    stream_bundle: Path, tmp_path: Path
) -> None:
    card = changed(stream_bundle, tmp_path, {})
    with (tmp_path / "graphs" / "stream.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(BundleError, match=r"stream\.onnx: is not the file that was written"):
        StreamGraph(card)


def test_a_bundle_without_a_step_graph_says_how_to_get_one(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"no step graph .*sonant export .* --mode stream"):
        StreamGraph(Card.read(tiny_bundle))


def test_a_graph_of_other_labels_is_refused(stream_bundle: Path) -> None:
    card = replace(Card.read(stream_bundle), labels=("high", "low"))
    with pytest.raises(BundleError, match=r"stream\.onnx: answers 4 values a frame, want 2"):
        StreamGraph(card)


def test_without_labels_an_answer_is_as_long_as_the_graph_says(stream_bundle: Path) -> None:
    graph = StreamGraph(replace(Card.read(stream_bundle), labels=()))
    assert graph.values == len(LABELS)
    assert graph.open().push(SOUND[: 3 * HOP]).shape == (3, len(LABELS))
