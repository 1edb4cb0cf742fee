"""TensorBoard's own format, written without its search for TensorFlow."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event

from sonant.training.scalars import Scalars


def records(path: Path) -> list[Event]:
    """Records are length, checksum, content, checksum."""
    content, events = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events


def test_figures_come_back_by_name_and_step(tmp_path: Path) -> None:
    scalars = Scalars(tmp_path / "tensorboard")
    scalars.add({"train/loss": 0.5, "validation/loss": 0.75}, step=1)
    scalars.add({"train/loss": 0.25}, step=2)
    scalars.close()
    (file,) = (tmp_path / "tensorboard").iterdir()
    assert "tfevents" in file.name, "TensorBoard finds files by this word"
    first, *rest = records(file)
    assert first.file_version == "brain.Event:2"
    found = [(e.step, v.tag, v.simple_value) for e in rest for v in e.summary.value]
    assert found == [(1, "train/loss", 0.5), (1, "validation/loss", 0.75), (2, "train/loss", 0.25)]


def test_what_is_added_is_on_disk_at_once(tmp_path: Path) -> None:
    scalars = Scalars(tmp_path)
    scalars.add({"train/loss": 0.5}, step=1)
    (file,) = tmp_path.iterdir()
    assert len(records(file)) == 2
    scalars.close()


def test_tensorflow_is_not_imported() -> None:
    program = "import sys; import sonant.training.scalars; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
