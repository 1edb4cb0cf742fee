"""How requests are joined, from the flags, a batching_parameters_file, or a file beside the model."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from sonant.errors import ServeError
from sonant.serving import textproto
from sonant.serving.batching import Batching
from sonant.serving.options import Options

PER_MODEL: Final = "batching_params.pbtxt"
MICROS: Final = 1e-6

_log: Final = logging.getLogger(__name__)


def batching_of(options: Options) -> Batching:
    """What the flags and their file say; raises `ServeError` where they contradict each other."""
    batching = Batching(
        max_batch_size=options.max_batch_size,
        timeout_s=options.batch_timeout_micros * MICROS,
        max_enqueued_rows=options.max_enqueued_rows,
        threads=options.threads,
        enabled=options.enable_batching,
    )
    file = options.batching_parameters_file
    if file is None:
        return batching
    if not options.enable_batching:
        raise ServeError(
            "--batching_parameters_file is set without setting --enable_batching to true; "
            "set it, or leave the file out"
        )
    return from_file(file, batching, strict=options.strict_compat)


def batching_beside(folder: Path, batching: Batching, options: Options) -> Batching:
    """What the file in a version folder, or else beside the versions, says; else `batching` itself.

    Raises `ServeError` where such a file cannot be used.
    """
    if options.enable_batching and options.enable_per_model_batching_parameters:
        for home in (folder, folder.parent):
            if (home / PER_MODEL).is_file():
                return from_file(home / PER_MODEL, batching, strict=options.strict_compat)
    return batching


def from_file(path: Path, batching: Batching, *, strict: bool = False) -> Batching:
    """`batching` with what a file of `BatchingParameters` says; raises `ServeError` naming the field.

    A request with more rows than a batch is refused where the file turns `enable_large_batch_splitting`
    off, and with `strict` where it does not turn it on, as in TensorFlow Serving; else it is run in parts.
    """
    message = textproto.read(path, "BatchingParameters")
    largest = _value(message, "max_batch_size", batching.max_batch_size, path=path)
    batches = _value(message, "max_enqueued_batches", 0, path=path)
    splits = not strict
    if message.HasField("enable_large_batch_splitting"):
        splits = message.enable_large_batch_splitting.value
    if splits:
        execution = _value(message, "max_execution_batch_size", largest, path=path)
        if execution > largest:
            raise ServeError(f"{path}: max_execution_batch_size is above max_batch_size, {largest}")
        largest = execution
    if message.pad_variable_length_inputs:
        _log.warning("%s: pad_variable_length_inputs is not supported, shapes stay apart", path)
    timeout = _value(message, "batch_timeout_micros", -1, least=0, path=path)
    return replace(
        batching,
        max_batch_size=largest,
        timeout_s=batching.timeout_s if timeout < 0 else timeout * MICROS,
        max_enqueued_rows=batches * largest if batches else batching.max_enqueued_rows,
        threads=_value(message, "num_batch_threads", batching.threads, path=path),
        allowed_sizes=_sizes(message, largest, path=path),
        split=splits,
    )


def _value(message: Any, name: str, default: int, *, path: Path, least: int = 1) -> int:
    if not message.HasField(name):
        return default
    value: int = getattr(message, name).value
    if value < least:
        raise ServeError(f"{path}: {name} is {value}, want {least} or more")
    return value


def _sizes(message: Any, largest: int, *, path: Path) -> tuple[int, ...]:
    sizes = tuple(message.allowed_batch_sizes)
    if not sizes:
        return ()
    if sizes[0] < 1 or any(low >= high for low, high in pairwise(sizes)):
        raise ServeError(f"{path}: allowed_batch_sizes entries must be positive and increasing")
    if sizes[-1] != largest:
        raise ServeError(
            f"{path}: Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}, expected {largest}"
        )
    return sizes
