"""What can be listened with: how `info` tells Wyoming's clients, and which of it `detect` means."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final, Protocol

import sonant
from sonant.card import Card
from sonant.listening import decision_of
from sonant.serving.running import Running
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Code, Refusal
from sonant.serving.streams.ear import Choice

PROGRAM: Final = "sonant"
DESCRIPTION: Final = "Wake words and spoken commands"


class Models(Protocol):
    """What is asked of the catalog."""

    def names(self) -> Collection[str]: ...  # noqa: D102
    def held(self, spec: ModelSpec, /) -> AbstractContextManager[Running]: ...  # noqa: D102


def wake(models: Models) -> list[dict[str, Any]]:
    """`info.wake` as Home Assistant wants it: every loaded model that hears streams.

    A model of several keywords is there once for any of them, and as `model/keyword` for each. There
    is never a `satellite` beside it: Home Assistant would take the server for a microphone.
    """
    with ExitStack() as stack:
        offered = [entry for running in _streaming(models, stack) for entry in _entries(running)]
    return [
        {
            "name": PROGRAM,
            "attribution": {"name": PROGRAM, "url": ""},
            "installed": True,
            "description": DESCRIPTION,
            "version": sonant.__version__,
            "models": offered,
        }
    ]


def choose(models: Models, names: Sequence[str], stack: ExitStack) -> list[Choice]:
    """What the names of `detect` mean: all models for none, the first for such as nobody knows.

    The stack holds the versions. Raises `Refusal` where no loaded model hears streams.
    """
    with ExitStack() as probe:
        running = {one.name: one for one in _streaming(models, probe)}
        if not running:
            raise Refusal(
                Code.UNAVAILABLE, "no model that hears streams is loaded", retry_after_s=5.0
            )
        if names:
            known = _merged(choice for name in names for choice in _named(name, running))
            chosen = known or [_any(next(iter(running.values())))]
        else:
            chosen = [_any(one) for one in running.values()]
        for choice in chosen:
            stack.enter_context(choice.running.held())
    return chosen


def keywords(card: Card) -> tuple[str, ...]:
    """The labels that are told of."""
    background = decision_of(card).background
    return tuple(label for label in card.labels if label not in background)


def _streaming(models: Models, stack: ExitStack) -> Iterator[Running]:
    """The newest version of every model that streams, held by the stack."""
    for name in sorted(models.names()):
        try:
            running = stack.enter_context(models.held(ModelSpec(name=name)))
        except Refusal:
            # It is still loading, or failed to.
            continue
        if running.servable.stream is not None:
            yield running


def _entries(running: Running) -> Iterator[dict[str, Any]]:
    found = _card(running)
    words = keywords(found)
    yield _entry(running.name, running, words)
    if len(words) > 1:
        for word in words:
            yield _entry(f"{running.name}/{word}", running, (word,))


def _entry(name: str, running: Running, words: Iterable[str]) -> dict[str, Any]:
    phrase = ", ".join(words)
    return {
        "name": name,
        "attribution": {"name": PROGRAM, "url": ""},
        "installed": True,
        "description": name if name == phrase else f"{running.name}: {phrase}",
        "version": str(running.version),
        "languages": [],
        "phrase": phrase,
    }


def _any(running: Running) -> Choice:
    """A model under no name: detections are called as they are offered."""
    words = keywords(_card(running))
    called: Mapping[str, str] = {word: f"{running.name}/{word}" for word in words}
    if len(words) == 1:
        called = {words[0]: running.name}
    return Choice(running=running, called=called)


def _named(name: str, running: Mapping[str, Running]) -> Iterator[Choice]:
    """The choice that a name means, if it means any: a model, or one of its keywords."""
    if name in running:
        words = keywords(_card(running[name]))
        yield Choice(running=running[name], called=dict.fromkeys(words, name))
        return
    # A model's name may hold a stroke, and so may a keyword.
    for model, one in running.items():
        if name.startswith(f"{model}/") and (word := name[len(model) + 1 :]) in keywords(
            _card(one)
        ):
            yield Choice(running=one, called={word: name})


def _merged(choices: Iterable[Choice]) -> list[Choice]:
    """One choice a model, so that none hears everything twice; the name that came first counts."""
    found: dict[str, Choice] = {}
    for choice in choices:
        before = found.get(choice.running.name)
        called = {**choice.called, **before.called} if before else choice.called
        found[choice.running.name] = Choice(running=choice.running, called=called)
    return list(found.values())


def _card(running: Running) -> Card:
    assert running.servable.stream is not None, "only models that stream are offered"
    return running.servable.stream.card
