"""Scalars for TensorBoard, in its own record format.

Its ready writers look for TensorFlow and import it where it is installed, which takes seconds and
prints pages; the record writer beneath them does not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class Scalars:
    """An event file; each row of figures is on disk when `add` returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # One file for each start of the run; TensorBoard joins them, later steps overriding.
        self.file = (folder / f"events.out.tfevents.{time.time_ns()}").open("wb")
        self.writer = RecordWriter(self.file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, figures: Mapping[str, float], *, step: int) -> None:
        """Write figures under their names."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
        self._write(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _write(self, event: Event) -> None:
        self.writer.write(event.SerializeToString())
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.file.close()
