"""One table to train a detector on: bona fide clips, and forgeries from several tables of results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sonant.errors import ManifestError
from sonant.listing import tables
from sonant.listing.names import canonical_column
from sonant.listing.spoof_labels import BONAFIDE, SPOOF, WORDS, spoof_label
from sonant.manifest import CANONICAL, Item, Manifest
from sonant.spoofing import conditions as known
from sonant.spoofing.conditions import COLUMNS, Conditions

METHOD: Final = "method"
"""What `sonant attack` calls the column of its attacks."""
ATTACK: Final = "attack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A table of forgeries."""

    manifest: Manifest
    conditions: Conditions

    @classmethod
    def load(cls, source: Path | str) -> Results:
        """Read what `sonant attack`, `sonant convert` or `sonant spoof equalise` left, or a table like it.

        The column `method` counts as `attack` where there is none of that name. Raises `ManifestError` as
        `Manifest.load` and `conditions.read` do.
        """
        manifest = Manifest.load(source)
        found = known.read(source, manifest)
        if any(ATTACK in about for about in found.values()) or not _has(source, METHOD):
            return cls(manifest=manifest, conditions=found)
        methods = known.read(source, manifest, columns=(METHOD,))
        return cls(
            manifest=manifest,
            conditions={
                place: {**about, ATTACK: methods[place][METHOD]} if methods[place] else about
                for place, about in found.items()
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What was joined."""

    table: Path
    manifest: Manifest
    attacks: Mapping[str, int]
    """Forgeries of each attack, "" for those of which none is known."""


def join(
    bonafide: Sequence[Manifest],
    forged: Sequence[Results],
    *,
    table: Path,
    attacks: Collection[str] = (),
) -> Corpus:
    """Write one table of bona fide clips, whatever their labels, and of forgeries, with their conditions.

    `attacks` are those that are wanted, empty for all. Where every bona fide clip is of train, validation or
    test, a forgery stands in the split of its speaker; else nothing has a split, and training makes them, of
    whole speakers. Raises `ManifestError` for a table that is there already, bona fide clips labelled as
    forged, an attack that made nothing, a speaker in no split or in several, and a clip that was given twice.
    """
    if table.exists():
        raise ManifestError(f"{table}: is there already; give another name")
    genuine = [_bonafide(item) for manifest in bonafide for item in manifest]
    chosen, about = _chosen(forged, attacks)
    forgeries = [item for item in chosen if item.label == SPOOF]
    if not genuine or not forgeries:
        kind = SPOOF if genuine else BONAFIDE
        raise ManifestError(f"{table}: no clip is {kind}, and a detector learns from both kinds")
    whole = Manifest(items=tuple(_split(genuine, chosen)))
    _check_once(whole)
    counts: dict[str, int] = {}
    for item in forgeries:
        name = known.of(item, about).get(ATTACK, "")
        counts[name] = counts.get(name, 0) + 1
    return Corpus(table=known.write(table, whole, about), manifest=whole, attacks=counts)


def _check_once(manifest: Manifest) -> None:
    there: set[str] = set()
    for item in manifest:
        place = known.place_of(item)
        if place in there:
            raise ManifestError(f"{item.path}: was given twice; leave one of its tables out")
        there.add(place)


def _bonafide(item: Item) -> Item:
    plain = item.label.strip().lower()
    if WORDS.get(plain) == SPOOF:
        raise ManifestError(
            f"{item.path}: is labelled {item.label!r}, and was given among the bona fide clips; give its "
            "table among the forgeries"
        )
    return replace(item, label=BONAFIDE)


def _chosen(
    forged: Sequence[Results], attacks: Collection[str]
) -> tuple[list[Item], dict[str, Mapping[str, str]]]:
    items: list[Item] = []
    about: dict[str, Mapping[str, str]] = {}
    there: set[str] = set()
    for results in forged:
        for item in results.manifest:
            said = known.of(item, results.conditions)
            name = said.get(ATTACK, "")
            there.add(name)
            if attacks and name not in attacks:
                continue
            items.append(replace(item, label=spoof_label(item.label, where=str(item.path))))
            about[known.place_of(item)] = {key: said[key] for key in COLUMNS if key in said}
    for name in attacks:
        if name not in there:
            listed = ", ".join(sorted(there - {""})) or "none that is named"
            raise ManifestError(f"no clip is of the attack {name!r}; there are: {listed}")
    return items, about


def _split(genuine: Sequence[Item], forged: Sequence[Item]) -> list[Item]:
    """All of them, with the splits of the bona fide clips' speakers or with none."""
    if not all(item.split in CANONICAL for item in genuine):
        return [replace(item, split="") for item in (*genuine, *forged)]
    splits: dict[str, set[str]] = {}
    for item in genuine:
        splits.setdefault(item.speaker, set()).add(item.split)
    found = []
    for item in forged:
        its = {item.split} if item.split in CANONICAL else splits.get(item.speaker, set())
        if len(its) != 1:
            said = f"in {' and '.join(sorted(its))}" if its else "in no split"
            raise ManifestError(
                f"{item.path}: its speaker {item.speaker!r} is {said} of the bona fide clips; give the "
                "forgeries a column `split`, or bona fide clips without one"
            )
        found.append(replace(item, split=next(iter(its))))
    return [*genuine, *found]


def _has(source: Path | str, column: str) -> bool:
    """Whether the table of a file or folder has a column."""
    path = Path(source)
    if path.is_dir():
        places = (path / f"manifest{ending}" for ending in tables.ENDINGS)
        path = next((place for place in places if place.is_file()), path)
    return path.is_file() and column in map(canonical_column, tables.read(path).columns)
