"""docs/serving.md: every command on the page is run, every reply compared, every flag is there.

In a block marked `console`, a line that begins with `$ sonant serve` starts the server that the next lines
talk to; every other `$` line is run by bash, and what it prints is what the page shows below it. A line
`...` stands for any lines. Ports, dates and ids are the test's own.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from bundles import TONES_HZ, write_bundle, write_tone
from serving.live import Live, live
from sonant.serving.options import Options
from sonant.serving.scaling import Scaling

PAGE = Path(__file__).parents[1] / "docs" / "serving.md"
TEXT = PAGE.read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WORDS = ("go", "stop", "yes")
CLOSE = 1e-3
"""Scores are shown with fewer digits than they have."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One command of the page and what it says it prints."""

    command: str
    shown: str


def blocks(kind: str) -> list[str]:
    return [body for found, body in FENCE.findall(TEXT) if found == kind]


def steps() -> Iterator[Step]:
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.rstrip("\n").split("\n")
            long = next(n for n, line in enumerate(lines) if not line.endswith("\\"))
            yield Step("\n".join(lines[: long + 1]), "\n".join(lines[long + 1 :]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page supposes: a model of two versions, a clip, a token, a models.config."""
    found = tmp_path_factory.mktemp("page")
    for version in (1, 2):
        labels = {"labels": list(WORDS)}
        write_bundle(found / "models", name="commands", version=version, changes=labels)
    write_tone(found / "clip.wav", next(iter(TONES_HZ)))
    (config,) = (body for body in blocks("proto") if "model_config_list" in body)
    (found / "models.config").write_text(config)
    (found / "token").write_text("a-token-long-enough-to-be-one\n")
    return found


def test_every_command_prints_what_the_page_shows(folder: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    with ExitStack() as stack:
        server: Live | None = None
        for step in steps():
            if step.command.startswith("sonant serve"):
                stack.pop_all().close()
                server = stack.enter_context(started(step.command, folder))
            else:
                assert server is not None, f"no server yet: {step.command}"
                compare(run(step.command, folder, server), step)


def started(command: str, folder: Path) -> Any:
    """The page's own line, on another port, in the folder."""
    words = shlex.split(command.replace("\\\n", " "))[2:]
    paths = [str(folder / word) if (folder / word).exists() else word for word in words]
    return live(folder, *paths)


def run(command: str, folder: Path, server: Live) -> str:
    here = command.replace("http://localhost:8501", server.url)
    here = here.replace("localhost:8501", server.url.removeprefix("http://"))
    done = subprocess.run(
        ["bash", "-c", here],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def compare(printed: str, step: Step) -> None:
    """As JSON where it is JSON, else line by line."""
    try:
        shown = json.loads(step.shown)
    except ValueError:
        lines = step.shown.strip().splitlines()
        pattern = "\n".join(".*" if line == "..." else re.escape(line) for line in lines)
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), (
            f"{step.command}\nprinted:\n{printed}"
        )
        return
    assert alike(json.loads(printed), shown), f"{step.command}\nprinted:\n{printed}"


def alike(found: Any, shown: Any) -> bool:
    """Equal, numbers nearly; "..." on the page is anything."""
    if shown == "...":
        return True
    if isinstance(shown, dict) and isinstance(found, dict):
        return set(found) == set(shown) and all(alike(found[key], shown[key]) for key in shown)
    if isinstance(shown, list) and isinstance(found, list):
        return len(found) == len(shown) and all(map(alike, found, shown))
    if isinstance(shown, float) and isinstance(found, int | float):
        return abs(found - shown) <= CLOSE
    return bool(found == shown)


def test_curl_stands_nowhere_but_where_it_is_run() -> None:
    run_here = sum(step.command.count("curl ") for step in steps())
    assert run_here >= 12
    assert run_here == len(re.findall(r"(?m)^\s*(?:\$ |.*\| )?curl ", TEXT))


def test_the_client_of_live_audio_hears_a_word(folder: Path, tmp_path: Path) -> None:
    """The page's program, with the name of a model that streams."""
    from serving.served_tones import write_served

    bundle = write_served(tmp_path)
    (program,) = (body for body in blocks("python") if "websockets" in body)
    with live(folder, bundle) as server:
        here = program.replace("localhost:8501", server.url.removeprefix("http://"))
        done = subprocess.run(
            [sys.executable, "-c", here.replace("/commands/", "/stream/")],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [message["type"] for message in said] == ["info", "detection"]
    assert said[1]["data"]["name"] == next(iter(TONES_HZ))
    page = TEXT.partition("## Live audio")[2].partition("\n## ")[0]
    for message in said:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{message['type']}`"))
        assert set(message["data"]) <= set(re.findall(r"`(\w+)`", row))


def test_python_on_the_page_is_python() -> None:
    for block in blocks("python"):
        ast.parse(block)


# --- flags --------------------------------------------------------------------------------------


def row(kind: type[Any], field: dataclasses.Field[Any]) -> str:
    """The line of the table for one flag."""
    told = get_type_hints(kind, include_extras=True)[field.name].__metadata__[0]
    default = field.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    return f"| `--{field.name}` | {'' if default is None else default} | {told} |"


def test_the_table_has_every_flag_with_its_default_and_meaning() -> None:
    table = TEXT.partition("## Every flag")[2]
    shown = [line for line in table.splitlines() if line.startswith("| `--")]
    kinds = (Options, Scaling)
    wanted = [row(kind, field) for kind in kinds for field in dataclasses.fields(kind)]
    assert sorted(shown) == sorted(wanted), "the table should be:\n" + "\n".join(wanted)


def test_every_flag_named_on_the_page_is_one() -> None:
    known = {field.name for kind in (Options, Scaling) for field in dataclasses.fields(kind)}
    known |= {"engine", "json"}
    ours = set(re.findall(r"--([a-z]+(?:_[a-z_]+)?)", without_others(TEXT)))
    assert ours <= known, ours - known


def without_others(text: str) -> str:
    """Without commands and options of other programs, and of other verbs."""
    text = re.sub(r"(?m)^\$ (?!sonant serve)(?:.*\\\n)*.*$", "", text).replace("--no_", "--")
    text = re.sub(r"sonant (?:export|describe|evaluate|train)[^`\n]*", "", text)
    return re.sub(r"pip install[^`\n]*", "", text)
