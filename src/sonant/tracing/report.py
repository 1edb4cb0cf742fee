"""What a stream is, in words and numbers: latency, memory, and the proof."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one layer keeps."""

    place: str
    """The layer's qualified name."""
    kind: str
    """What it keeps it for."""
    shape: tuple[int, ...]
    """Without the batch."""
    bytes: int
    """In 32-bit floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What was tried and how far the two were apart."""

    difference: float
    """The largest, relative to the largest value of the module's answer."""
    tolerance: float
    """What was allowed."""
    values: int
    """Values inside the network that were compared, frame by frame."""
    chunks: tuple[int, ...]
    """Hops heard at once."""
    lengths: tuple[int, ...]
    """Lengths of clips, in frames."""
    sounds: tuple[str, ...]
    """What was heard."""
    fixed: str = ""
    """Why only one length was tried, where it was so."""

    def __str__(self) -> str:
        lengths = " and ".join(f"{length:,}" for length in self.lengths)
        chunks = ", ".join(map(str, self.chunks))
        text = (
            f"Proved on {' and '.join(self.sounds)}, clips of {lengths} frames, heard whole and\n"
            f"{chunks} hops at a time: every frame of the module's answer, both edges included,\n"
            f"to {self.difference:.1e} of its largest value (allowed: {self.tolerance:.0e}), and "
            f"{self.values} values inside the network."
        )
        return f"{text}\n{self.fixed}" if self.fixed else text


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """All figures of a traced module; `str` writes it out."""

    name: str
    """The module's class."""
    shape: tuple[int, ...]
    """Of one frame of the input."""
    hop: int
    """Input frames for one answer."""
    delay: int
    """Input frames by which answers trail: what the network looks ahead."""
    offset: int
    """The frame of the stream that is frame 0 of the module."""
    receptive_field: int | None
    """Input frames that one answer depends on; None: all before it."""
    window: int | None
    """Input frames of the clip that a pooling over time has become a window of."""
    parameters: int
    """Weights, shared with the module."""
    memories: tuple[Memory, ...]
    """Of every layer that keeps any."""
    rate_hz: float | None
    """Input frames in a second, where it was given."""
    parity: Parity | None
    """What was proved."""

    @property
    def state_bytes(self) -> int:
        """What one stream keeps."""
        return sum(memory.bytes for memory in self.memories)

    @property
    def latency_ms(self) -> float | None:
        """The delay in milliseconds, where the rate is known."""
        return None if self.rate_hz is None else 1000 * self.delay / self.rate_hz

    def frames(self, count: int) -> str:
        """A number of input frames, in milliseconds too where the rate is known."""
        text = f"{count:,} frame{'s' * (count != 1)}"
        return text if self.rate_hz is None else f"{text} ({1000 * count / self.rate_hz:,.1f} ms)"

    def __str__(self) -> str:
        field = self.receptive_field
        rows = {
            "input": f"[batch, {', '.join(map(str, self.shape))}, frames]",
            "one answer every": self.frames(self.hop),
            "answers trail by": self.frames(self.delay) + ("" if self.delay else ": it is causal"),
            "one answer hears": "all that came before" if field is None else self.frames(field),
            "state of a stream": f"{self.state_bytes:,} bytes",
            "parameters": f"{self.parameters:,}, shared with the module",
        }
        if self.window is not None:
            rows["a clip is"] = f"{self.frames(self.window)}; every answer is for the last so many"
            rows["a clip's answer"] = f"frame {self.offset} of a stream that began with the clip"
        elif self.offset:
            rows["frame 0 of the module"] = f"frame {self.offset} of the stream"
        width = max(map(len, rows))
        lines = [f"{self.name} streams", *(f"  {k:<{width}}  {v}" for k, v in rows.items())]
        lines += ["", *self._memory_table()] if self.memories else []
        lines += ["", str(self.parity)] if self.parity else ["", "Nothing was proved (proof=None)."]
        return "\n".join(lines)

    def _memory_table(self) -> list[str]:
        cells = [("layer", "keeps", "shape", "bytes")] + [
            (m.place or "(forward)", m.kind, " x ".join(map(str, m.shape)), f"{m.bytes:,}")
            for m in self.memories
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        return [
            "  "
            + "  ".join(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False))
            + "  "
            + row[3].rjust(widths[3])
            for row in cells
        ]
