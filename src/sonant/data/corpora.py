"""Known corpora: where they are published, and how their folders are read into a Manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from sonant.data import splits
from sonant.data.twelve import SILENCE, UNKNOWN, WANTED, twelve
from sonant.errors import ManifestError
from sonant.listing.folders import is_audio
from sonant.manifest import Item, Manifest

__all__ = ["CORPORA", "WANTED", "Corpus", "Layout", "Task", "read", "twelve"]

Layout = Literal["speech_commands", "speech_commands_test", "librispeech", "vctk"]
Task = Literal["35", "12"]

LISTS: Final = {"validation": "validation_list.txt", "test": "testing_list.txt"}
"""The official lists of Speech Commands; what is in neither is for training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A published archive."""

    name: str
    """What it is fetched and read by, and the folder it is unpacked to."""
    url: str
    sha256: str | None
    """Of the archive, in hexadecimal; None when nobody has published one."""
    bytes: int
    """Size of the archive; 0 when unknown."""
    licence: str
    citation: str
    layout: Layout


_SPEECH_COMMANDS = "Warden, Speech Commands, arXiv:1804.03209"
_LIBRISPEECH = "Panayotov et al., LibriSpeech, ICASSP 2015"
_GOOGLE = "https://storage.googleapis.com/download.tensorflow.org/data"
_OPENSLR = "https://www.openslr.org/resources/12"

# Sizes and checksums: the checksum files of TensorFlow Datasets, which agree with torchaudio's
# where both have one; v0.01 from torchaudio; mini_speech_commands as pinned by its users.
_ALL: Final = (
    Corpus(
        name="mini_speech_commands",
        url=f"{_GOOGLE}/mini_speech_commands.zip",
        sha256="49650f2341b26d886b46b3f4fb8fed59e30300b17550f1ee4a768b3106cf93a0",
        bytes=182_082_353,
        licence="CC BY 4.0",
        citation=_SPEECH_COMMANDS,
        layout="speech_commands",
    ),
    Corpus(
        name="speech_commands_v0.01",
        url=f"{_GOOGLE}/speech_commands_v0.01.tar.gz",
        sha256="743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
        bytes=1_489_096_277,
        licence="CC BY 4.0",
        citation=_SPEECH_COMMANDS,
        layout="speech_commands",
    ),
    Corpus(
        name="speech_commands_v0.02",
        url=f"{_GOOGLE}/speech_commands_v0.02.tar.gz",
        sha256="af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        bytes=2_428_923_189,
        licence="CC BY 4.0",
        citation=_SPEECH_COMMANDS,
        layout="speech_commands",
    ),
    Corpus(
        name="speech_commands_test_set_v0.02",
        url=f"{_GOOGLE}/speech_commands_test_set_v0.02.tar.gz",
        sha256="cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df",
        bytes=112_563_277,
        licence="CC BY 4.0",
        citation=_SPEECH_COMMANDS,
        layout="speech_commands_test",
    ),
    Corpus(
        name="librispeech_dev_clean",
        url=f"{_OPENSLR}/dev-clean.tar.gz",
        sha256="76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
        bytes=337_926_286,
        licence="CC BY 4.0",
        citation=_LIBRISPEECH,
        layout="librispeech",
    ),
    Corpus(
        name="librispeech_test_clean",
        url=f"{_OPENSLR}/test-clean.tar.gz",
        sha256="39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
        bytes=346_663_984,
        licence="CC BY 4.0",
        citation=_LIBRISPEECH,
        layout="librispeech",
    ),
    Corpus(
        name="librispeech_train_clean_100",
        url=f"{_OPENSLR}/train-clean-100.tar.gz",
        sha256="d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
        bytes=6_387_309_499,
        licence="CC BY 4.0",
        citation=_LIBRISPEECH,
        layout="librispeech",
    ),
    Corpus(
        name="vctk_0.92",
        url="https://datashare.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
        sha256="f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c",
        bytes=11_747_302_977,
        licence="CC BY 4.0",
        citation="Yamagishi, Veaux, MacDonald, CSTR VCTK Corpus 0.92, 2019",
        layout="vctk",
    ),
)
CORPORA: Final[Mapping[str, Corpus]] = {corpus.name: corpus for corpus in _ALL}


def read(
    name: str,
    root: Path,
    *,
    task: Task = "35",
    wanted: Sequence[str] = WANTED,
    silence_percent: float = 10.0,
    unknown_percent: float = 10.0,
    zero_share: float = 0.1,
    seed: int = 0,
    noise: Path | None = None,
) -> Manifest:
    """Read the unpacked corpus `name` under `root`; nothing is ever downloaded here.

    Speech Commands: `task` 35 has every word as a label, 12 the `wanted` ones beside `_unknown_`
    and `_silence_` (see `twelve`). Splits are the official lists where they lie in the folder, else
    the hash rule; the official test set is all `test`, and has its twelve labels already.
    LibriSpeech and VCTK have speakers and no labels. Raises `ManifestError`.
    """
    if name not in CORPORA:
        raise ManifestError(f"{name}: no known corpus; known are {', '.join(CORPORA)}")
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder; fetch it with: sonant data fetch {name}")
    layout = CORPORA[name].layout
    manifest = replace(READERS[layout](root), name=name)
    if layout != "speech_commands":
        return manifest
    if task == "35":
        return manifest.where(labels=set(manifest.labels) - {SILENCE, UNKNOWN})
    return twelve(
        manifest,
        wanted=wanted,
        noise=noise,
        silence_percent=silence_percent,
        unknown_percent=unknown_percent,
        zero_share=zero_share,
        seed=seed,
    )


def _speech_commands(root: Path) -> Manifest:
    manifest = Manifest.load(root)
    places = sorted({item.path.parent.parent for item in manifest} | {root})
    lists = {split: _found(places, name) for split, name in LISTS.items()}
    if all(lists.values()):
        return _by_lists(manifest, {split: path for split, path in lists.items() if path})
    if any(lists.values()):
        raise ManifestError(
            f"{root}: wants both {' and '.join(LISTS.values())}, and holds only one"
        )
    if "train" in manifest.splits:
        return manifest
    return splits.assign(manifest, how="official")


def _found(places: Sequence[Path], name: str) -> Path | None:
    return next((place / name for place in places if (place / name).is_file()), None)


def _by_lists(manifest: Manifest, lists: Mapping[str, Path]) -> Manifest:
    """Splits by the official lists; endings are not compared, so that converted clips are found."""
    sides: dict[str, str] = {}
    for split, path in lists.items():
        lines = path.read_text(encoding="utf-8").split()
        sides |= {os.path.splitext(line)[0]: split for line in lines}
    names = [f"{item.path.parent.name}/{item.path.stem}" for item in manifest]
    absent = len(sides.keys() - set(names))
    if absent == len(sides):
        raise ManifestError(f"{manifest.name}: none of the clips in its official lists is there")
    rows = zip(manifest, names, strict=True)
    note = f"; {absent} listed clips are not there" if absent else ""
    return manifest.with_items(
        (replace(item, split=sides.get(name, "train")) for item, name in rows),
        origin=f"official lists{note}",
    )


def _speech_commands_test(root: Path) -> Manifest:
    manifest = Manifest.load(root)
    return manifest.with_items(
        (replace(item, split="test") for item in manifest), origin="the official test set"
    )


def _librispeech(root: Path) -> Manifest:
    """subset/speaker/chapter/*.flac; the subsets do not share speakers, so they are the splits."""
    items = []
    for path in _audio(root):
        chapter, speaker, subset = path.parent, path.parent.parent, path.parent.parent.parent
        if chapter.name.isdigit() and speaker.name.isdigit():
            split = _SUBSETS.get(subset.name.partition("-")[0], "")
            items.append(Item(path=path, speaker=speaker.name, split=split))
    if not items:
        raise ManifestError(f"{root}: no LibriSpeech; looked for subset/speaker/chapter/*.flac")
    named = any(item.split for item in items)
    return Manifest(items=tuple(items), origin="the subsets" if named else "")


_SUBSETS: Final = {"train": "train", "dev": "validation", "test": "test"}


def _vctk(root: Path) -> Manifest:
    """wav48*/speaker/*; release 0.92 has two microphones, of which the first is taken."""
    items = tuple(
        Item(path=path, speaker=path.parent.name)
        for path in _audio(root)
        if _is_vctk_speaker(path.parent.name) and not path.stem.endswith("_mic2")
    )
    if not items:
        raise ManifestError(f"{root}: no VCTK; looked for folders of clips such as wav48/p225")
    return Manifest(items=items)


def _is_vctk_speaker(folder: str) -> bool:
    return folder[:1] in ("p", "s") and folder[1:].isdigit()


def _audio(root: Path) -> Iterator[Path]:
    """Audio files anywhere under a folder, sorted."""
    found = (Path(place) / name for place, _, names in os.walk(root) for name in names)
    yield from sorted(path for path in found if is_audio(path.name))


READERS: Final[Mapping[Layout, Callable[[Path], Manifest]]] = {
    "speech_commands": _speech_commands,
    "speech_commands_test": _speech_commands_test,
    "librispeech": _librispeech,
    "vctk": _vctk,
}
