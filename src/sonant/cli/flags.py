"""Options of a command made from the fields of a dataclass: one place says name, type, default and help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

YES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def with_flags(
    kind: type[Any], *, into: str, prefix: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace a command's parameter `into` by one flag for each field of the dataclass `kind`.

    The help of a field is the text of its `Annotated` type. With `prefix`, PREFIX_NAME in the
    environment stands in for a flag that is not given.
    """

    def dressed(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        kept = [value for name, value in own.parameters.items() if name != into]
        names = [field.name for field in fields(kind)]

        def filled(**values: Any) -> None:
            flags = {name: values.pop(name) for name in names}
            command(**values, **{into: kind(**flags)})

        filled.__doc__, filled.__name__ = command.__doc__, command.__name__
        parameters = [*kept, *_flags(kind, prefix)]
        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
        filled.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        filled.__annotations__ = {one.name: one.annotation for one in parameters}
        return filled

    return dressed


def _flags(kind: type[Any], prefix: str) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in fields(kind):
        assert field.default is not MISSING, f"{field.name}: a flag wants a default"
        annotation, (says,) = hints[field.name].__origin__, hints[field.name].__metadata__
        names = [f"--{field.name}"]
        if annotation is bool:
            names = [f"--{field.name}/--no_{field.name}"]
        variable = f"{prefix}_{field.name}".upper() if prefix else None
        option = typer.Option(field.default, *names, help=says, envvar=variable, show_envvar=False)
        found.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=option,
                annotation=annotation,
            )
        )
    return found


class GoogleFlags(TyperCommand):
    """A command that also takes `--flag=true` and `--flag=false`, as TensorFlow Serving's does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Rewrite such flags to what typer knows."""
        switches = {
            name: (parameter.opts, parameter.secondary_opts)
            for parameter in self.params
            if getattr(parameter, "is_flag", False)
            for name in parameter.opts
        }
        return super().parse_args(ctx, [_plain(arg, switches) for arg in args])


def _plain(arg: str, switches: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> str:
    name, equals, value = arg.partition("=")
    if not equals or name not in switches or value.lower() not in YES:
        return arg
    yes, no = switches[name]
    return (yes if YES[value.lower()] else no)[0]
