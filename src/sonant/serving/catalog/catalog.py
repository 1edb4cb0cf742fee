"""All models of a server: loaded, watched, swapped without a moment in which nobody answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, final

from sonant.serving.catalog.batching_file import batching_of
from sonant.serving.catalog.config import ModelConfig, ServerConfig, refuse_platform_changes
from sonant.serving.catalog.folders import look
from sonant.serving.catalog.labels import checked_labels
from sonant.serving.catalog.model import Model
from sonant.serving.catalog.shelf import again
from sonant.serving.catalog.watch import Watch
from sonant.serving.catalog.workshop import Loader, OnRun, OnState, Workshop
from sonant.serving.options import Options
from sonant.serving.running import Running
from sonant.serving.servable import Servable
from sonant.serving.spec import ModelSpec, VersionStatus
from sonant.serving.status import Code, Refusal, invalid, not_found

LOADING_THREADS: Final = 2

_log: Final = logging.getLogger(__name__)


@final
class Catalog:
    """The models by name; it lives on one event loop, and only loading leaves it for threads."""

    def __init__(
        self,
        *,
        options: Options,
        load: Loader,
        executor: ThreadPoolExecutor,
        on_run: OnRun | None = None,
        on_state: OnState | None = None,
    ) -> None:
        """It is empty; `executor` is for requests. Raises `ServeError` for a bad batching file."""
        self.options: Final = options
        self._workshop: Final = Workshop(
            options=options,
            batching=batching_of(options),
            load=load,
            loading=ThreadPoolExecutor(LOADING_THREADS, thread_name_prefix="load"),
            executor=executor,
            on_run=on_run,
            on_state=on_state,
        )
        self._models: dict[str, Model] = {}
        self._config = ServerConfig()
        self._labels: dict[str, dict[str, int]] = {}
        self._given: dict[str, dict[int, Servable]] = {}
        self._given_labels: dict[str, dict[str, int]] = {}
        self._away: set[str] = set()
        self._warned: dict[str, tuple[str, ...]] = {}
        self._begun = False
        self._swapping: Final = asyncio.Lock()
        self._watch: Final = Watch(options)

    async def start(self, config: ServerConfig) -> None:
        """Load everything, and begin to look for changes.

        Returns when each model answers, or failed once (it is then tried again in the background).
        Raises `Refusal` where labels name versions that do not answer.
        """
        await self.configure(config)
        self._begun = True
        self._watch.begin(config, look_again=self.look_again, configure=self.configure)

    async def stop(self) -> None:
        """Look and load no more, and let go of everything at once."""
        await self._watch.end()
        for model in self._models.values():
            model.drop()
        self._workshop.loading.shutdown(wait=False, cancel_futures=True)

    async def configure(self, config: ServerConfig) -> None:
        """Serve the models of `config` in place of all others; whole, or not at all.

        New models and versions are loaded first; only then does anything else go. Raises `Refusal` with
        TensorFlow Serving's texts for a platform or a label that it refuses; everything is as before then.
        """
        async with self._swapping:
            refuse_platform_changes(self._config, config, strict=self.options.strict_compat)
            away, self._away = self._away, set()
            try:
                await self._swap(config)
            except BaseException:
                self._away = away
                raise

    async def look_again(self) -> None:
        """Look into the folders once, load what is new, unload what is gone."""
        async with self._swapping:
            config = await asyncio.to_thread(again, self._config)
            if config != self._config:
                await self._swap(config)
                return
            for name, seen in (await self._look(config.models)).items():
                self._serve(name, seen)
                await self._models[name].try_mended()

    def held(self, spec: ModelSpec) -> AbstractContextManager[Running]:
        """The version meant, which stays loaded while the context lasts.

        Raises `Refusal`: NOT_FOUND, or INVALID_ARGUMENT for a label that does not exist.
        """
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        number = spec.version if spec.label is None else self._labelled(spec.name, spec.label)
        model = self._models.get(spec.name)
        running = model.running(number) if model else None
        if running is None:
            which = f"Latest({spec.name})" if number is None else f"Specific({spec.name}, {number})"
            raise not_found(f"Servable not found for request: {which}")
        return running.held()

    def statuses(self, spec: ModelSpec) -> list[VersionStatus]:
        """How the versions of a model stand, newest first, unloaded ones as well; raises `Refusal`."""
        model = self._models.get(spec.name)
        statuses = model.statuses() if model else []
        if not statuses:
            raise not_found(f"Could not find any versions of model {spec.name}")
        number = spec.version
        if spec.label is not None and not self.options.strict_compat:
            number = self._labelled(spec.name, spec.label)
        if number is None:
            return statuses
        chosen = [status for status in statuses if status.version == number]
        if not chosen:
            raise not_found(f"Could not find version {number} of model {spec.name}")
        return chosen

    def names(self) -> list[str]:
        """The models that are configured or were put in, whether they answer or not."""
        wanted = (name for name, model in self._models.items() if model.wanted)
        return sorted({*self._config.by_name, *self._given, *wanted})

    def labels(self, name: str) -> Mapping[str, int]:
        """Label -> version of a model."""
        return {**self._given_labels.get(name, {}), **self._labels.get(name, {})}

    def available(self, name: str) -> list[int]:
        """Versions of a model that answer, newest first."""
        model = self._models.get(name)
        return model.available if model else []

    @property
    def ready(self) -> bool:
        """Whether every model answers, but those that were unloaded by name."""
        return self._begun and all(self.available(name) for name in {*self.names()} - self._away)

    async def load(self, name: str) -> None:
        """Load a model that was unloaded by name, failed, or lies in the folder that is served.

        Returns when it answers; raises `Refusal`: NOT_FOUND, or why it cannot be loaded.
        """
        async with self._swapping:
            config = await asyncio.to_thread(again, self._config)
            if config != self._config:
                await self._swap(config)
            if name not in {*config.by_name, *self._given}:
                raise not_found(f"Could not find any versions of model {name}")
            self._away.discard(name)
            model = self._model(name)
            model.forget_failures()
            found = await self._look(one for one in config.models if one.name == name)
            self._serve(name, found.get(name, {}))
        await model.tried()
        if not model.available:
            code, message = model.failure or (
                Code.NOT_FOUND,
                f"Could not find any versions of model {name}",
            )
            raise Refusal(code, message)

    async def unload(self, name: str) -> None:
        """Unload a model until `load` is called, or a new configuration comes; raises `Refusal`."""
        async with self._swapping:
            if name not in self.names():
                raise not_found(f"Could not find any versions of model {name}")
            self._away.add(name)
            self._models[name].aspire({})

    def add(
        self, name: str, version: int, servable: Servable, *, labels: Iterable[str] = ()
    ) -> None:
        """Serve something that is loaded already, beside what is configured."""
        self._given.setdefault(name, {})[version] = servable
        self._given_labels.setdefault(name, {}).update(dict.fromkeys(labels, version))
        self._model(name).put(version, self._running(name, version, servable))
        self._begun = True

    async def _swap(self, config: ServerConfig) -> None:
        before = {name: model.wanted for name, model in self._models.items()}
        found = await self._look(config.models)
        # What cannot come true is refused before anything is loaded for it.
        self._check(config, {name: set(wanted) for name, wanted in found.items()})
        try:
            for name, seen in found.items():
                self._serve(name, seen, keep=True)
            await asyncio.gather(*(self._models[name].tried() for name in found))
            labels = self._check(config, {})
        except BaseException:
            for name, model in list(self._models.items()):
                model.aspire(before.get(name, {}))
                if name not in before:
                    del self._models[name]
            raise
        self._config, self._labels = config, labels
        for name in self._models:
            self._serve(name, found.get(name, {}))

    def _serve(self, name: str, seen: Mapping[int, Path], *, keep: bool = False) -> None:
        """Make a model serve what was seen of it, and what `add` has put in."""
        model = self._model(name)
        given = {} if name in self._away else self._given.get(name, {})
        for number, servable in given.items():
            if number not in model.available:
                model.put(number, self._running(name, number, servable))
        model.aspire({**dict.fromkeys(given, Path()), **seen}, keep=keep)

    def _check(
        self, config: ServerConfig, to_come: Mapping[str, Collection[int]]
    ) -> dict[str, dict[str, int]]:
        def answering(name: str) -> set[int]:
            model = self._models.get(name)
            return (model.lasting if model else set()).union(to_come.get(name, ()))

        return checked_labels(
            config,
            before=self._labels,
            answering=answering,
            allow_new=self.options.allow_version_labels_for_unavailable_models,
        )

    async def _look(self, models: Iterable[ModelConfig]) -> dict[str, dict[int, Path]]:
        """Model -> what to serve of it: what is found, or what is served where nothing can be seen."""
        wanted: dict[str, dict[int, Path]] = {}
        for config in models:
            if config.name in self._away:
                continue
            served = self._model(config.name).wanted
            found = await asyncio.to_thread(look, config, served)
            for warning in set(found.warnings) - set(self._warned.get(config.name, ())):
                _log.warning("%s", warning)
            self._warned[config.name] = found.warnings
            wanted[config.name] = dict(served if found.versions is None else found.versions)
        return wanted

    def _model(self, name: str) -> Model:
        return self._models.setdefault(name, Model(name, workshop=self._workshop))

    def _running(self, name: str, number: int, servable: Servable) -> Running:
        return self._workshop.running(servable, name=name, number=number)

    def _labelled(self, name: str, label: str) -> int:
        number = self.labels(name).get(label)
        if number is None:
            raise invalid(f"Unrecognized servable version label: {label}")
        return number
