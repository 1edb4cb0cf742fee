"""Families of numbers with labels, and the text they become."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as some

from sonant.serving.metrics.series import (
    Counter,
    Gauge,
    Histogram,
    escaped,
    geometric,
    number_text,
)


def test_a_family_without_series_is_not_told() -> None:
    assert list(Counter("c", about="Nothing yet.").lines()) == []


def test_a_counter_as_text() -> None:
    counter = Counter("c_total", labels=("a", "b"), about="So many.")
    counter.add(("y", ""), 2)
    counter.add(("x", "1"))
    counter.add(("y", ""))
    assert list(counter.lines()) == [
        "# HELP c_total So many.",
        "# TYPE c_total counter",
        'c_total{a="x",b="1"} 1',
        'c_total{a="y",b=""} 3',
    ]
    assert counter.total("y") == 3
    assert counter.total("y", but="") == 0
    assert counter.total("y", but="1") == 3


def test_a_gauge_goes_up_and_down_and_is_forgotten() -> None:
    gauge = Gauge("g", labels=("a",))
    gauge.add(("x",), 3)
    gauge.add(("x",), -1)
    assert list(gauge.lines()) == ["# TYPE g gauge", 'g{a="x"} 2']
    gauge.put(("x",), 0.5)
    assert list(gauge.samples()) == ['g{a="x"} 0.5']
    gauge.forget(("x",))
    gauge.forget(("never there",))
    assert list(gauge.lines()) == []


def test_a_histogram_as_text() -> None:
    histogram = Histogram("h", edges=(0.5, 2))
    for value in (0.25, 0.5, 2.0, 3.0):
        histogram.observe((), value)
    assert list(histogram.lines()) == [
        "# TYPE h histogram",
        'h_bucket{le="0.5"} 2',
        'h_bucket{le="2"} 3',
        'h_bucket{le="+Inf"} 4',
        "h_sum{} 5.75",
        "h_count{} 4",
    ]
    histogram.forget(())
    assert list(histogram.samples()) == []


@given(values=some.lists(some.floats(0, 10), min_size=1))
def test_the_last_bucket_has_all_and_buckets_never_shrink(values: list[float]) -> None:
    histogram = Histogram("h", edges=(1, 2, 5))
    for value in values:
        histogram.observe((), value)
    counts = [int(line.rpartition(" ")[2]) for line in histogram.samples() if "_bucket" in line]
    assert counts == sorted(counts)
    assert counts == [sum(value <= edge for value in values) for edge in (1, 2, 5, math.inf)]


def test_edges_grow_by_a_factor() -> None:
    assert geometric(1, growth=2, count=4) == (1, 2, 4, 8)


@given(value=some.text())
def test_an_escaped_value_has_no_quote_and_no_line_end_of_its_own(value: str) -> None:
    shown = escaped(value)
    assert "\n" not in shown
    bare = shown.replace("\\\\", "").replace('\\"', "").replace("\\n", "")
    assert '"' not in bare
    assert "\\" not in bare


def test_numbers_are_whole_or_have_all_their_digits() -> None:
    assert number_text(3.0) == "3"
    assert number_text(1e15) == "1000000000000000"
    assert float(number_text(0.1 + 0.2)) == 0.1 + 0.2
