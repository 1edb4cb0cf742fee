"""Where data comes from when a person names it: a path, a fetched corpus, or nothing at all."""

from __future__ import annotations

from pathlib import Path

from sonant.data import corpora, synth
from sonant.data.cache import cache_folder
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, Working, silent
from sonant.manifest import Columns, Manifest


def load(
    source: Manifest | Path | str | None,
    *,
    columns: Columns | None = None,
    audio: Path | None = None,
    on_event: OnEvent = silent,
) -> Manifest:
    """The clips of a folder, a CSV or JSON-lines file, or a fetched corpus; None is the embedded corpus.

    Raises `ManifestError`; nothing is ever downloaded here.
    """
    if isinstance(source, Manifest):
        return source
    if source is None:
        return embedded(on_event=on_event)
    path, name = Path(source), str(source)
    if path.exists() or name not in corpora.CORPORA:
        return Manifest.load(path, columns=columns, audio=audio)
    root = corpora_folder() / name
    if not root.exists():
        raise ManifestError(
            f"{name}: not on this machine yet; fetch it with: sonant data fetch {name}"
        )
    return corpora.read(name, root)


def corpora_folder() -> Path:
    """Where `sonant data fetch` puts corpora unless told otherwise."""
    return cache_folder() / "corpora"


def embedded(*, on_event: OnEvent = silent) -> Manifest:
    """The corpus sonant speaks itself, made on this machine the first time it is asked for."""
    config = synth.SynthConfig()
    return synth.make(
        cache_folder() / f"embedded-corpus-{config.digest[:12]}",
        config,
        on_progress=lambda done, total: on_event(Working(what="speaking", done=done, total=total)),
        on_note=lambda text: on_event(Note(text)),
    )
