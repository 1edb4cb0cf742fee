"""Decoded clips, kept: one int16 memory map for a manifest, so that an epoch touches no decoder.

A store is keyed by content. Two names lead to it: the digest of what the files hold, and, to avoid
reading them all again, the digest of their paths, sizes and times. A file that was changed, even
back-dated, has another change time, is hashed again, and gets a store of its own.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sonant import audio, whole_file
from sonant.data.decoding import OnProgress, Shard, Source, decode, decode_in_processes
from sonant.errors import AudioError
from sonant.manifest import Manifest

FORMAT = 2
FEW_CLIPS = 400
"""Below this many clips a second process costs more than it saves."""


def cache_folder() -> Path:
    """Where sonant keeps what it can make again: `$SONANT_CACHE`, else `~/.cache/sonant`."""
    return Path(os.environ.get("SONANT_CACHE") or Path.home() / ".cache" / "sonant")


def clips_folder() -> Path:
    """Where decoded clips are kept unless told otherwise."""
    return cache_folder() / "clips"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipStore:
    """All clips of a manifest at one rate, as 16-bit PCM behind a memory map."""

    pcm: NDArray[np.int16]
    """[samples of all clips], one clip behind the other."""
    starts: NDArray[np.int64]
    """[clips], where each clip begins in `pcm`."""
    lengths: NDArray[np.int64]
    """[clips], samples in each."""
    rate_hz: int
    memory: mmap.mmap | None = None
    """The map behind `pcm`, where there is one."""

    def __len__(self) -> int:
        return len(self.starts)

    def clip(self, number: int) -> NDArray[np.int16]:
        """One clip at its natural length, [samples]."""
        start = self.starts[number]
        return self.pcm[start : start + self.lengths[number]]

    def gather(
        self,
        numbers: NDArray[np.int64],
        window: int,
        *,
        pad: audio.Pad,
        crop: audio.Crop,
        positions: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int16]:
        """Clips cut or filled to `window` samples, [batch, window]; `random` policies use `positions`."""
        batch = np.zeros((len(numbers), window), np.int16)
        for row, number in enumerate(numbers):
            length = int(self.lengths[number])
            position = 0.5 if positions is None else float(positions[row])
            source, target, count = audio.place(
                length, window, pad=pad, crop=crop, position=position
            )
            first = int(self.starts[number]) + source
            batch[row, target : target + count] = self.pcm[first : first + count]
            if pad == "edge" and 0 < count < window:
                batch[row, target + count :] = batch[row, target + count - 1]
        return batch

    def release(self) -> None:
        """Let go of the pages that were read: they stay in the system's cache, but are no longer ours."""
        if self.memory is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.memory.madvise(mmap.MADV_DONTNEED)

    def select(self, numbers: Sequence[int]) -> ClipStore:
        """The same memory, seen through some of its clips."""
        chosen = np.asarray(numbers, np.int64)
        return ClipStore(
            pcm=self.pcm,
            starts=self.starts[chosen],
            lengths=self.lengths[chosen],
            rate_hz=self.rate_hz,
            memory=self.memory,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A store, the clips in it, and those that could not be read."""

    store: ClipStore
    manifest: Manifest
    unreadable: tuple[str, ...]
    """One message for each clip left out, naming the file."""


def decode_manifest(
    manifest: Manifest,
    *,
    rate_hz: int,
    among: Manifest | None = None,
    folder: Path | None = None,
    workers: int | None = None,
    skip_unreadable: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> Decoded:
    """Open the store of a manifest, decoding it first if that was never done.

    Where all its clips are `among` those of a larger manifest, the store of that one is made and seen in
    part, so that every choice of clips shares it. Raises `AudioError` naming the clips of the manifest
    that cannot be read, unless `skip_unreadable` leaves them out.
    """
    folder = folder or clips_folder()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [Source.of(item) for item in manifest]
    kept = wanted if among is None else [Source.of(item) for item in among]
    place = {source: number for number, source in enumerate(kept)}
    if not all(source in place for source in wanted):
        kept, place = wanted, {source: number for number, source in enumerate(wanted)}
    name = _stored(kept, rate_hz=rate_hz, folder=folder, workers=workers, on_progress=on_progress)
    store, reasons = _open(folder, name, rate_hz)
    numbers = [place[source] for source in wanted]
    errors = {
        number: f"{wanted[number].path}: {reasons[kept_as]}"
        for number, kept_as in enumerate(numbers)
        if kept_as in reasons
    }
    return _without(store.select(numbers), manifest, errors, skip=skip_unreadable)


def _stored(
    sources: list[Source],
    *,
    rate_hz: int,
    folder: Path,
    workers: int | None,
    on_progress: OnProgress,
) -> str:
    """The name of the store that holds these clips, made if there is none yet."""
    link = folder / f"{_stat_digest(sources, rate_hz)}.link"
    name = link.read_text() if link.exists() else ""
    if not (name and (folder / f"{name}.json").exists()):
        name = _content_digest(sources, rate_hz)
        if not (folder / f"{name}.json").exists():
            _build(
                sources,
                rate_hz=rate_hz,
                folder=folder,
                name=name,
                workers=workers,
                on_progress=on_progress,
            )
        whole_file.write_text(link, name)
    return name


def _without(
    store: ClipStore, manifest: Manifest, errors: dict[int, str], *, skip: bool
) -> Decoded:
    if errors and not skip:
        shown = "\n  ".join(list(errors.values())[:10])
        more = f"\n  ... and {len(errors) - 10} more" if len(errors) > 10 else ""
        raise AudioError(
            f"{len(errors)} of {len(manifest)} clips cannot be read:\n  {shown}{more}\n"
            "Mend or remove them, or leave them out with --skip-unreadable; "
            "`sonant data check` lists everything wrong with a folder."
        )
    if not errors:
        return Decoded(store=store, manifest=manifest, unreadable=())
    kept = [number for number in range(len(manifest)) if number not in errors]
    items = tuple(manifest.items[number] for number in kept)
    return Decoded(
        store=store.select(kept),
        manifest=Manifest(items=items, name=manifest.name, origin=manifest.origin),
        unreadable=tuple(errors.values()),
    )


# -- names -----------------------------------------------------------------------------------------


def _stat_digest(sources: Sequence[Source], rate_hz: int) -> str:
    """Digest of what can be known of the files without reading them."""
    seen = {path: _stat(path) for path in {source.path for source in sources}}
    return _digest(rate_hz, ((os.path.abspath(s.path), *seen[s.path], *_cut(s)) for s in sources))


def _stat(path: str) -> tuple[int, ...]:
    try:
        stat = os.stat(path)
    except OSError:
        return (-1,)
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _content_digest(sources: Sequence[Source], rate_hz: int) -> str:
    """Digest of what the files hold; hashing releases the interpreter, so threads share the work."""
    paths = sorted({source.path for source in sources})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = dict(zip(paths, pool.map(_hash_file, paths, chunksize=64), strict=True))
    return _digest(rate_hz, ((hashes[s.path], *_cut(s)) for s in sources))


def _hash_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # A missing file has no content, so its path stands for it.
        return f"unreadable {path}"


def _cut(source: Source) -> tuple[object, ...]:
    return source.start_s, source.end_s, source.gain


def _digest(rate_hz: int, rows: Iterable[tuple[object, ...]]) -> str:
    digest = hashlib.sha256(f"{FORMAT} {rate_hz}\n".encode())
    for row in rows:
        digest.update(repr(row).encode())
    return digest.hexdigest()[:32]


# -- files -----------------------------------------------------------------------------------------


def _open(folder: Path, name: str, rate_hz: int) -> tuple[ClipStore, dict[int, str]]:
    """The clips of a store, and why those that could not be read could not, by their numbers."""
    description = folder / f"{name}.json"
    card = json.loads(description.read_text())
    os.utime(description)  # its time says when the store was last used
    lengths = np.asarray(card["lengths"], np.int64)
    starts = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    memory = None
    if total:
        with (folder / f"{name}.pcm").open("rb") as file:
            memory = mmap.mmap(file.fileno(), 2 * total, access=mmap.ACCESS_READ)
    pcm = np.zeros(0, np.int16) if memory is None else np.frombuffer(memory, np.int16)
    errors = {int(number): reason for number, reason in card["errors"].items()}
    store = ClipStore(pcm=pcm, starts=starts, lengths=lengths, rate_hz=rate_hz, memory=memory)
    return store, errors


def _build(
    sources: list[Source],
    *,
    rate_hz: int,
    folder: Path,
    name: str,
    workers: int | None,
    on_progress: OnProgress,
) -> None:
    """Decode everything into a temporary folder, then move the result into place."""
    workers = (workers or os.cpu_count() or 1) if len(sources) >= FEW_CLIPS else 1
    with tempfile.TemporaryDirectory(dir=folder, prefix=".decoding-") as scratch:
        bounds = np.linspace(0, len(sources), workers + 1).astype(int)
        parts = [sources[a:b] for a, b in pairwise(bounds)]
        files = [Path(scratch) / f"{number}.pcm" for number in range(workers)]
        shards = (
            decode_in_processes(parts, files, rate_hz=rate_hz, on_progress=on_progress)
            if workers > 1
            else [
                decode(
                    sources,
                    rate_hz=rate_hz,
                    out=files[0],
                    on_clip=lambda n: on_progress(n, len(sources)),
                )
            ]
        )
        with files[0].open("ab") as whole:
            for file in files[1:]:
                with file.open("rb") as part:
                    shutil.copyfileobj(part, whole, 1 << 20)
        os.replace(files[0], folder / f"{name}.pcm")
        # The description comes last: a store without one does not exist.
        card = {"rate_hz": rate_hz, **_joined(shards, bounds)}
        whole_file.write_text(folder / f"{name}.json", json.dumps(card))


def _joined(shards: Sequence[Shard], bounds: NDArray[np.int64]) -> dict[str, object]:
    return {
        "lengths": [length for shard in shards for length in shard.lengths],
        "errors": {
            int(first) + number: reason
            for shard, first in zip(shards, bounds, strict=False)
            for number, reason in shard.errors.items()
        },
    }
