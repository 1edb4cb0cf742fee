"""What a stream says of itself."""

from __future__ import annotations

import torch

from sonant.tracing import stream
from tracing.nets import GALLERY


def test_the_report_gives_latency_memory_and_proof_in_words() -> None:
    case = GALLERY["tc_resnet"]
    report = stream(case.built(), case.example(), rate_hz=100).report
    text = str(report)
    assert text.startswith("TCResNet streams\n")
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert "answers trail by 28 frames (280.0 ms)" in rows
    assert "one answer hears 109 frames (1,090.0 ms)" in rows
    assert "clips of 51 frames, heard whole and\n1, 3, 8 hops at a time" in text
    assert "both edges included" in text
    assert report.latency_ms == 280
    assert {"stem", "blocks.0.conv1", "pool"} <= {memory.place for memory in report.memories}


def test_a_causal_stream_says_so_and_needs_no_rate() -> None:
    case = GALLERY["wavenet"]
    report = stream(case.built(), case.example()).report
    assert "0 frames: it is causal" in str(report)
    assert report.latency_ms is None


def test_without_a_proof_the_report_says_that_nothing_was_proved() -> None:
    case = GALLERY["wavenet"]
    report = stream(case.built(), torch.zeros(1, 1, 50), proof=None).report
    assert "Nothing was proved" in str(report)
