"""How requests are joined: flags, a file for all models, a file for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.errors import ServeError
from sonant.serving.batching import Batching
from sonant.serving.catalog import batching_of
from sonant.serving.catalog.batching_file import batching_beside, from_file
from sonant.serving.options import Options


def read(tmp_path: Path, text: str, *, strict: bool = False) -> Batching:
    file = tmp_path / "batching.txt"
    file.write_text(text)
    return from_file(file, Batching(threads=3), strict=strict)


def test_without_a_file_the_flags_say_it() -> None:
    options = Options(
        max_batch_size=8, batch_timeout_micros=500, max_enqueued_rows=9, inference_threads=2
    )
    assert batching_of(options) == Batching(
        max_batch_size=8, timeout_s=0.0005, max_enqueued_rows=9, threads=2
    )
    assert not batching_of(Options(enable_batching=False)).enabled


def test_a_file_of_tensorflow_serving_is_honoured(tmp_path: Path) -> None:
    text = """max_batch_size { value: 128 } batch_timeout_micros { value: 1000 }
        max_enqueued_batches { value: 10 } num_batch_threads { value: 8 }
        thread_pool_name { value: "pool" } allowed_batch_sizes: [1, 32, 128]"""
    assert read(tmp_path, text) == Batching(
        max_batch_size=128,
        timeout_s=0.001,
        max_enqueued_rows=1280,
        threads=8,
        allowed_sizes=(1, 32, 128),
    )


def test_what_a_file_does_not_say_stays_as_it_was(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Batching(threads=3)
    assert read(tmp_path, "batch_timeout_micros { value: 0 }").timeout_s == 0


def test_large_requests_are_split_or_refused_as_the_file_says(tmp_path: Path) -> None:
    on = "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 4 }"
    assert read(tmp_path, on).max_batch_size == 4
    assert read(tmp_path, on).split
    assert not read(tmp_path, "enable_large_batch_splitting { value: false }").split
    assert read(tmp_path, "").split
    assert not read(tmp_path, "", strict=True).split


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("max_batch_size { value: 0 }", "max_batch_size is 0, want 1 or more"),
        ("num_batch_threads { value: -1 }", "num_batch_threads is -1"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros is -1, want 0 or more"),
        ("allowed_batch_sizes: [2, 1, 32]", "increasing"),
        ("allowed_batch_sizes: [0, 32]", "positive"),
        ("allowed_batch_sizes: [1, 16]", "last entry was 16, expected 32"),
        ("max_execution_batch_size { value: 64 }", "above max_batch_size"),
        ("max_batch_size: 3", "1:"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, core: str) -> None:
    with pytest.raises(ServeError, match=r"batching\.txt") as caught:
        read(tmp_path, text)
    assert core in str(caught.value)


def test_a_file_without_batching_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "batching.txt"
    file.touch()
    with pytest.raises(ServeError, match=r"batching_parameters_file .*--enable_batching"):
        batching_of(Options(batching_parameters_file=file, enable_batching=False))
    assert batching_of(Options(batching_parameters_file=file)) == batching_of(Options())


def test_shapes_that_would_have_to_be_padded_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(tmp_path, "pad_variable_length_inputs: true")
    assert "pad_variable_length_inputs is not supported" in caplog.text


def test_a_file_beside_the_model_counts_where_that_is_enabled(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    (tmp_path / "batching_params.pbtxt").write_text("max_batch_size { value: 7 }")
    one, on = Batching(), Options(enable_per_model_batching_parameters=True)
    assert batching_beside(folder, one, Options()) is one
    assert batching_beside(folder, one, on).max_batch_size == 7
    (folder / "batching_params.pbtxt").write_text("max_batch_size { value: 5 }")
    assert batching_beside(folder, one, on).max_batch_size == 5
