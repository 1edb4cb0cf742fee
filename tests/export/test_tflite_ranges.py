"""Ranges are learned as a stream runs: one for what shares a scale, ending where least is lost."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import torch

from small_streams import BINS, features, network
from sonant.export.tflite_ranges import FIXED, Ranges, calibrated
from sonant.export.translate_step import Exportable, step_graph

HEARD = torch.from_numpy(np.random.default_rng(0).laplace(size=(2, BINS, 600)).astype(np.float32))


@pytest.fixture(scope="module")
def model() -> Exportable:
    return step_graph(network(), shape=(BINS,))


@pytest.fixture(scope="module")
def ranges(model: Exportable) -> Ranges:
    return calibrated(model, list(torch.split(HEARD, 1, dim=-1)))


def test_a_long_tail_does_not_set_the_range(model: Exportable, ranges: Ranges) -> None:
    low, high = ranges.groups[model.graph.inputs[0].name]
    assert HEARD.min() < 1.01 * low < 0
    assert HEARD.max() > 1.01 * high > 0


def test_both_ends_of_a_state_and_what_is_joined_to_it_have_one_range(
    model: Exportable, ranges: Ranges
) -> None:
    joined = defaultdict(set)
    for node in model.graph.nodes.nodes:
        if node.name in ranges.groups and "cat" in str(node.target):
            joined[node.name] |= {
                ranges.groups[name.name]
                for name in (node, *node.all_input_nodes)
                if name.name in ranges.groups
            }
    assert joined
    assert all(len(found) == 1 for found in joined.values())


def test_operators_that_insist_on_a_range_keep_it(model: Exportable, ranges: Ranges) -> None:
    names = {node.name for node in model.graph.nodes.nodes if node.target in FIXED}
    assert names
    assert names == set(ranges.fixed)
    output = model.graph.outputs[0].name
    assert ranges.groups[output] == ranges.fixed[output]


def test_a_range_that_was_given_is_kept(model: Exportable) -> None:
    heard = list(torch.split(features(1, 20), 1, dim=-1))
    ranges = calibrated(model, heard, given={0: (0.0, 31.0)})
    assert ranges.groups[model.graph.inputs[0].name] == (0.0, 31.0)
