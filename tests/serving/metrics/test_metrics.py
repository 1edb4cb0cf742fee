"""What the server counts, as Prometheus and as a dashboard made for TensorFlow Serving read it."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence

import pytest

from serving.kserve.house import House, built, tensor
from sonant.serving.batching import Ran
from sonant.serving.joining import Part
from sonant.serving.metrics import UNKNOWN, VERSIONS_KEPT, Metrics
from sonant.serving.status import Code

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})\{{((?:{LABEL}(?:,{LABEL})*)?)\}} (\S+)")
COMMENT = re.compile(rf"# (?:HELP {NAME} .+|TYPE {NAME} (?:counter|gauge|histogram))")
SUFFIXES = ("", "_bucket", "_sum", "_count")


def read(text: str) -> dict[str, float]:
    """`name{labels}` -> number; every line has to be as Prometheus writes them down."""
    found: dict[str, float] = {}
    family = ""
    families: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("#"):
            assert COMMENT.fullmatch(line), line
            family = line.split()[2]
            families += [family] if line.startswith("# TYPE") else []
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1] in {family + suffix for suffix in SUFFIXES}, line
        series = f"{sample[1]}{{{sample[2]}}}"
        assert series not in found, f"twice: {series}"
        found[series] = float(sample[3])
    assert len(families) == len(set(families))
    return found


def ran(*rows: int, queued_s: float = 0.001, padding: int = 0) -> Ran:
    """One turn of a thread, with a run for each of `rows`."""
    parts = [Part(requests=1, rows=count, padding=padding, seconds=0.003) for count in rows]
    return Ran(queued_s=queued_s, parts=parts)


def buckets(found: dict[str, float], name: str, labels: str) -> Sequence[tuple[str, float]]:
    """(edge, count) of a histogram, in the order of the text."""
    start = f"{name}_bucket{{{labels},le="
    return [
        (series.removeprefix(start).strip('"}'), number)
        for series, number in found.items()
        if series.startswith(start)
    ]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(lambda: ["kws"])


def numbers(metrics: Metrics) -> dict[str, float]:
    """The text of a server that has no models of its own."""

    class Empty:
        ready = True

        class catalog:
            @staticmethod
            def names() -> list[str]:
                return []

    return read(metrics.text(Empty))  # type: ignore[arg-type]


def ask(metrics: Metrics, model: str = "kws", code: Code = Code.OK, seconds: float = 0.004) -> None:
    metrics.request(model, api="predict", entrypoint="REST", code=code, seconds=seconds, rows=2)


def test_requests_are_counted_by_how_they_ended(metrics: Metrics) -> None:
    for code in (Code.OK, Code.OK, Code.NOT_FOUND):
        ask(metrics, code=code)
    found = numbers(metrics)
    start = 'sonant_requests_total{model="kws",api="predict",entrypoint="REST",code='
    assert found[start + '"OK"}'] == 2
    assert found[start + '"NOT_FOUND"}'] == 1
    assert found[':tensorflow:serving:request_count{model_name="kws",status="OK"}'] == 2
    assert found[':tensorflow:serving:request_count{model_name="kws",status="NOT_FOUND"}'] == 1


def test_times_are_seconds_under_our_names_and_microseconds_under_theirs(metrics: Metrics) -> None:
    ask(metrics, seconds=0.004)
    found = numbers(metrics)
    ours = 'model="kws",api="predict",entrypoint="REST"'
    theirs = 'model_name="kws",API="Predict",entrypoint="REST"'
    assert found[f"sonant_request_seconds_sum{{{ours}}}"] == pytest.approx(0.004)
    assert found[f":tensorflow:serving:request_latency_sum{{{theirs}}}"] == pytest.approx(4000)
    spread = dict(buckets(found, "sonant_request_seconds", ours))
    assert (spread["0.002"], spread["0.005"], spread["+Inf"]) == (0, 1, 1)


def test_the_buckets_are_those_of_tensorflow_serving(metrics: Metrics) -> None:
    ask(metrics, seconds=18e-6)
    labels = 'model_name="kws",API="Predict",entrypoint="REST"'
    spread = buckets(numbers(metrics), ":tensorflow:serving:request_latency", labels)
    assert [edge for edge, _ in spread[:5]] == ["10", "18", "32.4", "58.32", "104.976"]
    assert len(spread) == 33 + 1
    # A value on an edge belongs below it, and a bucket has all that are below it.
    assert [count for _, count in spread] == [0] + [1] * 33


def test_times_of_refusals_do_not_make_the_server_look_fast(metrics: Metrics) -> None:
    ask(metrics, code=Code.UNAVAILABLE)
    assert not [
        series for series in numbers(metrics) if "seconds" in series and "request" in series
    ]


def test_runs_are_counted_by_version(metrics: Metrics) -> None:
    metrics.ran("kws", 7, ran(3, 5, padding=1))
    found = numbers(metrics)
    labels = '{model="kws",version="7"}'
    assert found[f"sonant_batch_rows_count{labels}"] == 2
    assert found[f"sonant_batch_rows_sum{labels}"] == 8
    assert found[f"sonant_padding_rows_total{labels}"] == 2
    assert found[f"sonant_queue_seconds_sum{labels}"] == pytest.approx(0.001)
    assert found[f"sonant_run_seconds_sum{labels}"] == pytest.approx(0.006)
    session = ":tensorflow:serving:batching_session:"
    assert found[f"{session}wrapped_run_count{{}}"] == 2
    assert found[f'{session}processed_batch_size_sum{{thread_pool_name="kws"}}'] == 10
    assert found[f'{session}input_batch_size_sum{{thread_pool_name="kws"}}'] == 8
    assert metrics.work("kws", 7).sizes == {3: (1, 0.003), 5: (1, 0.003)}
    assert metrics.work("kws", 8).runs == 0


def test_streams_come_and_go_and_steps_are_timed(metrics: Metrics) -> None:
    for delta in (1, 1, -1):
        metrics.stream("kws", delta)
    metrics.step("kws", 2, 0.0004)
    found = numbers(metrics)
    assert found['sonant_streams{model="kws"}'] == 1
    assert found['sonant_streams_total{model="kws"}'] == 2
    assert found['sonant_step_seconds_count{model="kws"}'] == 1
    assert found['sonant_step_streams_sum{model="kws"}'] == 2


def test_a_client_cannot_make_series(metrics: Metrics) -> None:
    for number in range(100):
        ask(metrics, model=f"no such model {number}", code=Code.NOT_FOUND)
    ask(metrics, model="", code=Code.INVALID_ARGUMENT)
    found = numbers(metrics)
    models = {series for series in found if series.startswith("sonant_requests_total")}
    assert len(models) == 2
    unknown = f'sonant_requests_total{{model="{UNKNOWN}",api="predict",entrypoint="REST",code='
    assert found[unknown + '"NOT_FOUND"}'] == 100


def test_a_model_is_known_by_its_runs_too() -> None:
    metrics = Metrics()
    metrics.ran("m", 1, ran(1))
    ask(metrics, model="m")
    assert numbers(metrics)[':tensorflow:serving:request_count{model_name="m",status="OK"}'] == 1


def test_swapping_versions_for_days_keeps_the_series_few(metrics: Metrics) -> None:
    for version in range(1, 201):
        metrics.ran("kws", version, ran(1))
    counts = [series for series in numbers(metrics) if series.startswith("sonant_batch_rows_count")]
    assert len(counts) == VERSIONS_KEPT
    assert 'sonant_batch_rows_count{model="kws",version="200"}' in counts
    assert 'sonant_batch_rows_count{model="kws",version="184"}' not in counts


def test_names_cannot_break_out_of_their_label() -> None:
    name = 'a"b\\c\nd{},='
    metrics = Metrics(lambda: [name])
    ask(metrics, model=name)
    series = r'model_name="a\"b\\c\nd{},=",status="OK"'
    assert numbers(metrics)[f":tensorflow:serving:request_count{{{series}}}"] == 1


def test_threads_may_tell_of_things_at_the_same_time(metrics: Metrics) -> None:
    def steps() -> None:
        for _ in range(2000):
            metrics.step("kws", 1, 0.001)

    threads = [threading.Thread(target=steps) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(metrics)['sonant_step_seconds_count{model="kws"}'] == 8000


def test_the_process_tells_of_its_memory_and_time(metrics: Metrics) -> None:
    found = numbers(metrics)
    assert 2**20 < found["process_resident_memory_bytes{}"] < 2**40
    assert found["process_cpu_seconds_total{}"] > 0
    assert found["process_start_time_seconds{}"] > 1.7e9


def test_the_models_of_a_server_are_told_with_their_states() -> None:
    def now(house: House) -> dict[str, float]:
        async def text() -> str:
            return house.service.metrics.text(house.service)

        return read(house.runner.run(text()))

    with built() as house:
        house.infer("thirds", {"inputs": [tensor("samples", "FP32", [[0.1, 0.2, 0.3]])]})
        found = now(house)
        house.ask("POST", "/v2/repository/models/same/unload")
        later = now(house)
    assert found["sonant_ready{}"] == 1
    assert found['sonant_model_versions{model="thirds",state="AVAILABLE"}'] == 2
    assert found['sonant_model_versions{model="thirds",state="LOADING"}'] == 0
    assert found['sonant_pending_rows{model="thirds",version="3"}'] == 0
    assert found['sonant_requests_in_hand{model="thirds",version="3"}'] == 0
    assert found['sonant_batch_rows_count{model="thirds",version="3"}'] == 1
    assert later['sonant_model_versions{model="same",state="AVAILABLE"}'] == 0
    assert 'sonant_pending_rows{model="same",version="1"}' not in later
