"""A plan: stages by name, what each takes from which, in an order that can be worked. No torch.

name = "circle"

[stages.voices]
kind = "clips"

[stages.tdnn]
kind = "speaker"
recipe = "speaker-tdnn"
data = "voices"          # what the stage `voices` gives
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final, Self

from sonant import strict
from sonant.errors import RecipeError
from sonant.pipeline.making import Port
from sonant.pipeline.stages import STAGES, Kind

SHIPPED: Final = Path(__file__).parents[1] / "pipelines"
OWN: Final = ("kind", "round")
"""Settings that every stage has."""
KNOWN: Final = ("name", "about", "stages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a plan."""

    name: str
    kind: str
    round: int
    """Which turn of the circle it belongs to, for the report."""
    settings: Any
    """The dataclass of its kind."""

    @property
    def row(self) -> Kind:
        """What its kind is."""
        return STAGES[self.kind]

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """By setting, the stages that it names."""
        return {name: _named(getattr(self.settings, name)) for name in self.row.takes}

    @property
    def needs(self) -> tuple[str, ...]:
        """Every stage that has to be done before, once."""
        return tuple(dict.fromkeys(name for names in self.inputs.values() for name in names))

    def plain(self) -> dict[str, Any]:
        """Kind and settings as plain values, every default written out."""
        found: dict[str, Any] = strict.plain(self.settings, tables={})
        return {"kind": self.kind, "round": self.round, **found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All stages, each behind those that it takes something from."""

    name: str
    about: str
    stages: tuple[Stage, ...]

    def __getitem__(self, name: str) -> Stage:
        """A stage by name; raises `RecipeError` with the nearest known one."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = [stage.name for stage in self.stages]
        raise RecipeError(
            f"{self.name}: has no stage {name!r}{_meant(name, names)}; there: {', '.join(names)}"
        )

    @classmethod
    def load(
        cls, source: Path | str, overrides: Sequence[str] = (), *, data: str | None = None
    ) -> Self:
        """Read a shipped plan by name or any by path; an override is `stages.tdnn.settings=...`.

        `data` is the source of stages of the kind clips that name none. Raises `RecipeError` naming what is
        wrong: an unknown setting, a stage that is not there, one that gives something else, a circle.
        """
        path = find(source)
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path}: is not TOML ({error})") from error
        for setting in overrides:
            strict.override(tree, setting)
        return cls.from_dict(tree, where=path.stem, folder=path.parent, data=data)

    @classmethod
    def from_dict(
        cls,
        tree: Mapping[str, Any],
        *,
        where: str = "plan",
        folder: Path | None = None,
        data: str | None = None,
    ) -> Self:
        """Build from plain tables; files that stages name are looked for in `folder` first."""
        for key in tree:
            if key not in KNOWN:
                raise RecipeError(
                    f"{where}.{key}: no such setting{_meant(key, KNOWN)}; known: {', '.join(KNOWN)}"
                )
        tables = tree.get("stages")
        if not isinstance(tables, Mapping) or not tables:
            raise RecipeError(f"{where}.stages: there are none; name each in a table [stages.NAME]")
        stages = {
            name: _stage(name, table, where=f"{where}.stages.{name}", folder=folder)
            for name, table in tables.items()
        }
        if data is not None:
            stages = _with_source(stages, data, where=where)
        for stage in stages.values():
            _check_inputs(stage, stages, where=where)
        return cls(
            name=str(tree.get("name", where)),
            about=str(tree.get("about", "")),
            stages=tuple(stages[name] for name in _order(stages, where=where)),
        )

    def behind(self, name: str) -> frozenset[str]:
        """Stages that need this one, however far behind."""
        found: set[str] = set()
        for stage in self.stages:
            if found.union((name,)).intersection(stage.needs):
                found.add(stage.name)
        return frozenset(found)


def shipped() -> tuple[str, ...]:
    """Names of the plans in the package, sorted."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def find(source: Path | str) -> Path:
    """The file of a plan: an existing path, or the name of a shipped one."""
    path = Path(source)
    if path.is_file():
        return path
    if str(source) in shipped():
        return SHIPPED / f"{source}.toml"
    raise RecipeError(
        f"{source}: neither a file nor a shipped pipeline{_meant(source, shipped())}; shipped: "
        f"{', '.join(shipped())}"
    )


def _stage(name: str, table: Any, *, where: str, folder: Path | None) -> Stage:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise RecipeError(f"{where}: cannot name a folder; use letters, digits, - and _")
    if not isinstance(table, Mapping):
        raise RecipeError(f"{where}: {table!r} is {type(table).__name__}, want a table of settings")
    kind = table.get("kind")
    if kind not in STAGES:
        raise RecipeError(
            f"{where}.kind: {kind!r} is not one of {', '.join(STAGES)}{_meant(kind, STAGES)}"
        )
    turn = table.get("round", 0)
    if type(turn) is not int or turn < 0:
        raise RecipeError(f"{where}.round: {turn!r}; want a whole number, 0 or more")
    row = STAGES[kind]
    rest = {key: value for key, value in table.items() if key not in OWN}
    for place in row.places:
        named = rest.get(place)
        if folder and isinstance(named, str) and named and (folder / named).exists():
            rest[place] = os.path.abspath(folder / named)
    return Stage(
        name=name,
        kind=kind,
        round=turn,
        settings=strict.build(row.settings, rest, where, tables={}),
    )


def _with_source(stages: dict[str, Stage], data: str, *, where: str) -> dict[str, Stage]:
    open_ones = [s.name for s in stages.values() if s.kind == "clips" and not s.settings.source]
    if not open_ones:
        raise RecipeError(
            f"{where}: every stage has its data already, and --data {data} changes none; set it with "
            "stages.NAME.source=PATH"
        )
    return stages | {
        name: replace(stages[name], settings=replace(stages[name].settings, source=data))
        for name in open_ones
    }


def _check_inputs(stage: Stage, stages: Mapping[str, Stage], *, where: str) -> None:
    for setting, names in stage.inputs.items():
        at = f"{where}.stages.{stage.name}.{setting}"
        wanted = stage.row.takes[setting]
        if not names and not stage.row.optional(setting):
            raise RecipeError(f"{at}: names no stage; want one that gives {_either(wanted)}")
        for name in names:
            if name not in stages:
                fitting = [one.name for one in stages.values() if one.row.gives in wanted]
                raise RecipeError(
                    f"{at}: there is no stage {name!r}{_meant(name, stages)}; those that give "
                    f"{_either(wanted)}: {', '.join(fitting) or 'none'}"
                )
            gives = stages[name].row.gives
            if gives not in wanted:
                raise RecipeError(f"{at}: {name} gives {gives}, want {_either(wanted)}")


def _order(stages: Mapping[str, Stage], *, where: str) -> tuple[str, ...]:
    """As in the file, but each behind what it needs."""
    sorter = TopologicalSorter({name: stage.needs for name, stage in stages.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise RecipeError(f"{where}: stages wait for each other: {circle}") from error
    found: dict[str, None] = {}
    while len(found) < len(stages):
        ready = (n for n, s in stages.items() if n not in found and found.keys() >= set(s.needs))
        found[next(ready)] = None
    return tuple(found)


def _named(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return (value,) if value else ()


def _either(ports: Sequence[Port]) -> str:
    return " or ".join(ports)


def _meant(given: object, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = get_close_matches(str(given), list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
