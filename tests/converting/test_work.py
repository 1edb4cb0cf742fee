"""Jobs side by side: as many as asked, every one to its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pytest

from sonant.converting import work
from sonant.converting.ledger import Row
from sonant.errors import AudioError


def job(number: int) -> Callable[[], Row]:
    return lambda: {"path": str(number)}


def test_every_job_is_done_once() -> None:
    found = list(work.side_by_side((job(n) for n in range(50)), njobs=3))
    assert sorted(int(row["path"]) for row in found if not isinstance(row, Exception)) == [
        *range(50)
    ]


def test_no_more_run_than_asked() -> None:
    running, most = 0, 0
    counting = threading.Lock()
    both = threading.Barrier(2, timeout=30)

    def counted() -> Row:
        nonlocal running, most
        with counting:
            running += 1
            most = max(most, running)
        both.wait()  # two at a time, or nobody gets on
        with counting:
            running -= 1
        return {}

    assert len(list(work.side_by_side([counted] * 10, njobs=2))) == 10
    assert most == 2


def test_an_error_is_given_beside_the_others() -> None:
    def wrong() -> Row:
        raise AudioError("this one")

    found = list(work.side_by_side([job(1), wrong, job(2)], njobs=1))
    assert [str(one) for one in found if isinstance(one, Exception)] == ["this one"]
    assert len(found) == 3


def test_when_nobody_listens_any_more_what_runs_is_ended_and_the_rest_left_out() -> None:
    begun: list[int] = []
    ended: list[int] = []
    go_on = threading.Event()

    def slow(number: int) -> Row:
        begun.append(number)
        if number:
            go_on.wait(30)
        ended.append(number)
        return {}

    jobs = (lambda number=number: slow(number) for number in range(100))
    with contextlib.closing(work.side_by_side(jobs, njobs=2)) as found:
        next(found)
        go_on.set()
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 10


def test_a_job_that_leaves_the_program_does_so() -> None:
    def leave() -> Row:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        list(work.side_by_side([leave], njobs=1))
