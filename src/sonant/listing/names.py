"""The names people give to columns, splits and folders, in literal tables."""

from __future__ import annotations

from typing import Final, Literal

Role = Literal["path", "label", "speaker", "split", "start", "end"]

COLUMNS: Final[dict[Role, tuple[str, ...]]] = {
    "path": (
        "path",
        "file",
        "file_name",
        "filename",
        "file_path",
        "filepath",
        "fname",
        "audio",
        "audio_file",
        "audio_path",
        "audio_filename",
        "audio_filepath",
        "wav",
        "wav_file",
        "wav_path",
        "wav_filename",
        "clip",
        "clip_path",
        "recording",
    ),
    "label": (
        "label",
        "target",
        "word",
        "class",
        "class_name",
        "label_name",
        "command",
        "keyword",
        "category",
    ),
    "speaker": ("speaker", "speaker_id", "speakerid", "spk", "spk_id", "client_id", "user_id"),
    "split": ("split", "subset", "partition", "fold", "set"),
    "start": ("start", "start_s", "start_time", "start_sec", "start_seconds", "onset", "offset"),
    "end": ("end", "end_s", "end_time", "end_sec", "end_seconds"),
}
"""Column names that are understood without being asked for, in lower case with underscores."""

DURATIONS: Final = ("duration", "duration_s", "dur")
"""Beside a start these give the end; alone they are the length of the file and not read."""

GAIN: Final = "linear_gain"
"""The column of `Item.gain`; a foreign `gain` is mostly in decibels, so it is not read."""

SPLITS: Final[dict[str, str]] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
}

BACKGROUND: Final = "_background_noise_"
"""The folder of long noises in Speech Commands; no label."""

CLIP_FOLDERS: Final = frozenset(
    (
        "audio",
        "audios",
        "audio_files",
        "clips",
        "data",
        "files",
        "recordings",
        "sounds",
        "wav",
        "wavs",
    )
)
"""A single sub-folder of this name holds the clips; it is no label."""

NOT_READABLE: Final = frozenset((".aac", ".amr", ".ape", ".m4a", ".webm", ".wma", ".wv"))
"""Audio that libsndfile cannot read: listed all the same, so that it is reported and not lost."""

HASH_MARK: Final = "_nohash_"


def canonical_split(name: str) -> str:
    """`train`, `validation` or `test` for their synonyms in any case; other names as they are."""
    return SPLITS.get(name.strip().lower(), name.strip())


def canonical_column(name: str) -> str:
    """A column name as it stands in `COLUMNS`: lower case, underscores for blanks and hyphens."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def speaker_in(file_name: str) -> str:
    """The speaker that a Speech Commands name carries before `_nohash_`, or empty."""
    speaker, mark, _ = file_name.partition(HASH_MARK)
    return speaker if mark else ""
