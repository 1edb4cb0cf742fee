"""One field, one flag: name, type, default and help from a dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from sonant.cli.flags import GoogleFlags, with_flags


@dataclass(frozen=True)
class Settings:
    size: Annotated[int, "How large."] = 3
    loud: Annotated[bool, "Whether one hears it."] = False
    quick: Annotated[bool, "Whether it hurries."] = True
    file: Annotated[Path | None, "Where from."] = None


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    app = typer.Typer()

    @with_flags(Settings, into="settings", prefix="TEST")
    def command(settings: Settings, name: str = typer.Argument("nobody")) -> None:
        """Say what was said."""
        print(name, settings)

    app.command(cls=GoogleFlags)(command)
    found = CliRunner().invoke(app, arguments, env=env)
    return found.exit_code, found.output.strip()


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ((), Settings()),
        (("--size", "5"), Settings(size=5)),
        (("--size=5", "--loud"), Settings(size=5, loud=True)),
        (("--loud=true", "--quick=false"), Settings(loud=True, quick=False)),
        (("--loud=0", "--no_quick"), Settings(quick=False)),
        (("--file", "a.b"), Settings(file=Path("a.b"))),
    ],
)
def test_flags_are_read_in_both_manners(arguments: tuple[str, ...], settings: Settings) -> None:
    assert run(*arguments) == (0, f"nobody {settings}")


def test_the_commands_own_parameters_stay() -> None:
    assert run("me", "--loud") == (0, f"me {Settings(loud=True)}")


def test_the_environment_stands_in() -> None:
    env = {"TEST_SIZE": "7", "TEST_LOUD": "true"}
    assert run(env=env) == (0, f"nobody {Settings(size=7, loud=True)}")
    assert run("--size", "8", env=env) == (0, f"nobody {Settings(size=8, loud=True)}")


@pytest.mark.parametrize("arguments", [("--size", "big"), ("--sise", "3"), ("--loud=maybe",)])
def test_what_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2


def test_help_says_what_the_fields_say() -> None:
    shown = run("--help")[1]
    assert "How large." in shown
    assert "--no_quick" in shown
