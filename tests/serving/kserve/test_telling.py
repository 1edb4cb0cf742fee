"""The best classes of scores, as Triton's classification extension tells them."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.serving.kserve.telling import classes
from sonant.serving.status import Refusal
from sonant.serving.tensors import text

LABELS = ("a", "b", "c")


def test_each_row_has_its_own_best() -> None:
    scores = np.array([[0.25, 0.5, 0.125], [1, 0, 2]], np.float32)
    assert classes(scores, 2, labels=LABELS).tolist() == [
        [b"0.500000:1:b", b"0.250000:0:a"],
        [b"2.000000:2:c", b"1.000000:0:a"],
    ]


def test_scores_without_a_batch_and_whole_numbers() -> None:
    assert classes(np.array([3, 7, 5]), 1, labels=LABELS).tolist() == [b"7:1:b"]


def test_of_equals_the_first_is_the_better_one() -> None:
    assert classes(np.zeros((1, 3), np.float32), 1, labels=LABELS).tolist() == [[b"0.000000:0:a"]]


def test_there_are_never_more_than_there_are() -> None:
    assert classes(np.zeros((2, 3)), 10**9, labels=LABELS).shape == (2, 3)


def test_labels_of_something_else_are_not_told() -> None:
    assert classes(np.array([[1.0, 2.0]]), 1, labels=LABELS).tolist() == [[b"2.000000:1"]]


def test_several_axes_are_one_list_of_classes() -> None:
    assert classes(np.arange(4.0).reshape(1, 2, 2), 1, labels=()).tolist() == [[b"3.000000:3"]]


@pytest.mark.parametrize("tensor", [text(["a"]), np.array(1.0), np.array([True])])
def test_what_are_no_scores_is_refused(tensor: np.ndarray) -> None:
    with pytest.raises(Refusal, match="for numbers"):
        classes(tensor, 1, labels=LABELS)
