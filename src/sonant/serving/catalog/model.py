"""One model: the versions it should serve, those it does serve, and the way from these to those.

A version is unloaded only when all that are to take its place answer, so one that fails to load never
displaces one that works (cf. `availability_preserving_policy.h` of TensorFlow Serving).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from sonant.serving.catalog.version import Version
from sonant.serving.catalog.workshop import Workshop
from sonant.serving.running import Running
from sonant.serving.spec import State, VersionStatus
from sonant.serving.status import Code


@final
class Model:
    """All versions under one name, also those that are unloaded."""

    def __init__(self, name: str, *, workshop: Workshop) -> None:
        """It has no version yet; `aspire` tells it which to serve."""
        self.name: Final = name
        self.wanted: Mapping[int, Path] = {}
        """Version -> folder of those to serve."""
        self._workshop: Final = workshop
        self._versions: list[Version] = []
        """Oldest entry first; a number may be there twice while one entry replaces another."""
        self._keeping = False

    def aspire(self, wanted: Mapping[int, Path], *, keep: bool = False) -> None:
        """Serve `wanted`, and nothing else once it answers; with `keep`, all that answers now as well."""
        fresh = {number for number, folder in wanted.items() if self.wanted.get(number) != folder}
        self.wanted = dict(wanted)
        self._keeping = keep
        for version in list(self._versions):
            if version.running is None and not self._wants(version):
                version.retire()
        for number, folder in sorted(wanted.items(), reverse=True):
            entry = self._entry(number)
            # One that failed, was given up and is wanted anew gets a new chance.
            if entry is None or (entry.failed and number in fresh):
                self._new(number, folder).begin()
        self._settle()

    def put(self, number: int, running: Running) -> None:
        """Serve what is loaded already, beside what is wanted."""
        self.wanted = {**self.wanted, number: Path()}
        self._new(number, Path()).put(running)

    def forget_failures(self) -> None:
        """Let the next `aspire` try again what failed."""
        for version in list(self._versions):
            if version.failed or (version.code is not Code.OK and version.coming):
                version.drop()
                self._versions.remove(version)

    async def try_mended(self) -> None:
        """Begin anew with versions that failed and whose files are others now."""
        for version in list(self._versions):
            if self._wants(version) and await version.mended():
                version.drop()
                self._new(version.number, version.folder).begin()

    def drop(self) -> None:
        """End everything at once."""
        self.wanted = {}
        for version in list(self._versions):
            version.drop()

    async def tried(self) -> None:
        """Wait until every version that is wanted has come up, or failed once."""
        entries = [self._entry(number) for number in self.wanted]
        await asyncio.gather(*(entry.tried.wait() for entry in entries if entry))

    @property
    def available(self) -> list[int]:
        """Versions that answer, newest first."""
        return sorted(
            {version.number for version in self._versions if version.state is State.AVAILABLE},
            reverse=True,
        )

    @property
    def lasting(self) -> set[int]:
        """Versions that answer and are not about to be unloaded."""
        answering = set(self.available)
        return answering & set(self.wanted) if self._complete else answering

    @property
    def failure(self) -> tuple[Code, str] | None:
        """Why a wanted version did not come up."""
        entries = [self._entry(number) for number in self.wanted]
        failures = (entry for entry in entries if entry and entry.code is not Code.OK)
        return next(((entry.code, entry.message) for entry in failures), None)

    def running(self, number: int | None = None) -> Running | None:
        """The version that answers under this number, the newest for None."""
        if number is None:
            number = next(iter(self.available), None)
        return next(
            (
                version.running
                for version in reversed(self._versions)
                if version.number == number and version.state is State.AVAILABLE
            ),
            None,
        )

    def statuses(self) -> list[VersionStatus]:
        """How each version stands, newest first."""
        best: dict[int, VersionStatus] = {}
        for version in self._versions:
            told = best.get(version.number)
            # While an entry replaces another of its number, the one that answers counts.
            if told is None or told.state is not State.AVAILABLE or version.running:
                best[version.number] = version.status
        return [best[number] for number in sorted(best, reverse=True)]

    @property
    def _complete(self) -> bool:
        """Whether all that is wanted answers."""
        entries = [self._entry(number) for number in self.wanted]
        return all(entry is not None and entry.state is State.AVAILABLE for entry in entries)

    def _settle(self) -> None:
        if self._keeping or not self._complete:
            return
        for version in list(self._versions):
            if version.state is State.AVAILABLE and not self._wants(version):
                version.retire()

    def _wants(self, version: Version) -> bool:
        return self.wanted.get(version.number) == version.folder

    def _entry(self, number: int) -> Version | None:
        """The wanted version of this number: coming, there, or failed for good."""
        return next(
            (
                version
                for version in reversed(self._versions)
                if version.number == number
                and self._wants(version)
                and (version.coming or version.failed)
            ),
            None,
        )

    def _new(self, number: int, folder: Path) -> Version:
        self._versions = [
            version
            for version in self._versions
            if version.number != number or version.state is not State.END
        ]
        version = Version(
            number, folder, model=self.name, workshop=self._workshop, on_change=self._settle
        )
        self._versions.append(version)
        return version
