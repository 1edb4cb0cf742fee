"""One stage at a time: does it still stand, and if not, its work. Engines call nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, final

import sonant
from sonant.errors import Interrupted, ManifestError, SonantError
from sonant.events import Note, OnEvent, silent
from sonant.pipeline import kept
from sonant.pipeline.kept import Kept
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.plan import Plan, Stage

State = Literal["done", "stands", "would run", "not run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a run would do with a stage."""

    stage: Stage
    state: State
    clips: int
    """As they stand, or as the settings say; 0 where that is unknown."""
    seconds: float


@final
class Work:
    """A plan in its folder: a sub-folder a stage, and what of them is done."""

    def __init__(
        self, plan: Plan, out: Path, *, device: str = "auto", on_event: OnEvent = silent
    ) -> None:
        self.plan: Final = plan
        self.out: Final = out
        self.device: Final = device
        self.on_event: Final = on_event
        self.done: Final[dict[str, Kept]] = {}
        """Stages that stand, by name: those that were run and those that did not have to be."""
        self.ran: Final[set[str]] = set()

    def folder(self, name: str) -> Path:
        """The folder of a stage."""
        return self.out / name

    def stands(self, name: str) -> bool:
        """Whether a stage is done with these settings, code and inputs, and all it made is there."""
        if name in self.done:
            return True
        stage = self.plan[name]
        if any(not self.stands(needed) for needed in stage.needs):
            return False
        found = Kept.whole(self.folder(name), self._key(stage))
        if found is None:
            return False
        self.done[name] = found
        return True

    def run(self, name: str) -> Kept:
        """Do a stage, unless it stands; what it needs has to stand.

        Raises `SonantError` naming the stage that failed, `Interrupted` when it is stopped.
        """
        if self.stands(name):
            return self.done[name]
        stage = self.plan[name]
        lost = [needed for needed in stage.needs if not self.stands(needed)]
        if lost:
            raise ManifestError(
                f"{name}: takes what {lost[0]} makes, which is not done as the plan has it now; run that "
                f"first (--only {lost[0]}), or everything (without --only)"
            )
        key, folder = self._key(stage), self.folder(name)
        kept.begin(folder, key, resumes=stage.row.resumes)
        number = [one.name for one in self.plan.stages].index(name) + 1
        self.on_event(Note(f"{number}/{len(self.plan.stages)} {name} ({stage.kind})"))
        began = time.monotonic()
        made = self._made(stage, folder)
        took_s = time.monotonic() - began
        self.done[name] = kept.keep(folder, key, made, took_s=took_s)
        self.ran.add(name)
        return self.done[name]

    def expected(self) -> tuple[Expected, ...]:
        """What a run would do, stage by stage; nothing is written."""
        return tuple(self._expected(stage) for stage in self.plan.stages)

    def _expected(self, stage: Stage) -> Expected:
        if self.stands(stage.name):
            made = self.done[stage.name].made
            return Expected(stage=stage, state="stands", clips=made.clips, seconds=made.seconds)
        clips, seconds = stage.row.size(stage.settings)
        return Expected(stage=stage, state="would run", clips=clips, seconds=seconds)

    def _made(self, stage: Stage, folder: Path) -> Made:
        bench = Bench(
            name=stage.name,
            folder=folder,
            inputs=self._inputs(stage),
            device=self.device,
            on_event=self.on_event,
        )
        try:
            return stage.row.make(stage.settings, bench)
        except KeyboardInterrupt:
            raise Interrupted(_stopped(stage)) from None
        except Interrupted as error:
            raise Interrupted(f"{_stopped(stage)} ({error})") from error
        except SonantError as error:
            raise type_of(error)(f"stage {stage.name}: {error}") from error

    def _inputs(self, stage: Stage) -> Mapping[str, tuple[Path, ...]]:
        return {
            setting: tuple(self.done[name].made.path for name in names)
            for setting, names in stage.inputs.items()
        }

    def _key(self, stage: Stage) -> str:
        """Of all that a stage is made from: settings, code, what lies outside, and its inputs."""
        return kept.key_of(
            {
                "name": stage.name,
                "settings": {n: v for n, v in stage.plain().items() if n != "round"},
                "code": [sonant.__version__, stage.row.version],
                "outside": stage.row.outside(stage.settings),
                "inputs": {
                    setting: [self.done[name].digest for name in names]
                    for setting, names in stage.inputs.items()
                },
            }
        )


def type_of(error: SonantError) -> type[SonantError]:
    """The class of an error that is said again with more words; the root where it takes other arguments."""
    plain = type(error).__init__ is SonantError.__init__
    return type(error) if plain else SonantError


def _stopped(stage: Stage) -> str:
    goes_on = "goes on in it" if stage.row.resumes else "begins it anew"
    return f"stopped in the stage {stage.name}; what is done stays, and the same command {goes_on}"
