"""The house rules, held by reading the source: rows, no cycles, no import effects, documented names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sonant

ROOT = Path(sonant.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

ROWS: tuple[frozenset[str], ...] = tuple(
    frozenset(row.split())
    for row in (
        "cli",
        "pipeline",
        "tour reviewing seeds",
        "serving",
        "detection converting",
        "runs assessment attacking",
        "training evaluation prediction report exporting",
        "tasks",
        "bundle attacks",
        "recipe export countermeasures",
        "models data tracing tally listening speakers conversion spoofing",
        "nn runtime scoring plots",
        "metrics alarms card verification intelligibility",
        "manifest",
        "listing",
        "audio",
        "strict json_tree page draws events ledger",
        "whole_file shipped errors",
    )
)
"""Imports go down only; rooms on one row do not know each other."""

NO_TORCH = (
    "sonant", "sonant.audio", "sonant.manifest", "sonant.card", "sonant.metrics", "sonant.scoring",
    "sonant.plots", "sonant.page", "sonant.report", "sonant.runtime", "sonant.runtime.recogniser",
    "sonant.runtime.micro",
    "sonant.runtime.session", "sonant.runtime.decision", "sonant.runtime.sweep", "sonant.listening",
    "sonant.listening.sources", "sonant.cli.listen", "sonant.detection", "sonant.reviewing",
    "sonant.speakers.model", "sonant.speakers.calibrating", "sonant.cli.speaker",
    "sonant.assessment.speakers", "sonant.speakers.evaluating", "sonant.report.speakers",
    "sonant.conversion", "sonant.converting", "sonant.cli.convert", "sonant.cli.spoof",
    "sonant.spoofing.detector", "sonant.spoofing.scoring", "sonant.spoofing.calibrating",
    "sonant.spoofing.auditing", "sonant.spoofing.equalising", "sonant.spoofing.page",
    "sonant.countermeasures.guarded", "sonant.spoofing.corpus", "sonant.spoofing.replaying",
    "sonant.verification.tandem", "sonant.ledger", "sonant.conversion.converter",
    "sonant.conversion.inspecting", "sonant.conversion.voice_mel", "sonant.conversion.griffin_lim",
    "sonant.cli.spoof.marks", "sonant.speakers.following", "sonant.cli.speaker.listen",
    "sonant.serving.streams.whose",
    "sonant.speakers.store", "sonant.speakers.embedding", "sonant.speakers.gates",
    "sonant.speakers.verdict", "sonant.speakers.clustering", "sonant.speakers.exchange",
    "sonant.verification.figures", "sonant.verification.fusion", "sonant.verification.plda",
    "sonant.serving.server", "sonant.cli.serve", "sonant.cli.review",
    "sonant.cli.evaluate", "sonant.cli.streams",
    "sonant.prediction", "sonant.evaluation", "sonant.assessment", "sonant.cli", "sonant.data.cache",
    "sonant.data.corpora", "sonant.data.fetch", "sonant.data.synth", "sonant.data.audit",
    "sonant.data.splits", "sonant.data.sources", "sonant.data.preparation",
)  # fmt: skip

FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager"}
LONGEST_FILE, LONGEST_FUNCTION = 320, 50


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The second part of a module's name: its room in the house."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of sonant that a file imports, except those only for the type checker."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sonant"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if module_exists(name) else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("sonant"))


def module_exists(name: str) -> bool:
    path = ROOT.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def row_of(name: str) -> int:
    return next(number for number, row in enumerate(ROWS) if name in row)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_file_stands_in_a_row_and_imports_only_downward(path: Path) -> None:
    here = room(module_name(path))
    if here in ("", "__main__"):
        return
    for other in {room(name) for name in imports(ast.parse(path.read_text()))} - {here, ""}:
        assert row_of(here) < row_of(other), f"{module_name(path)} imports sonant.{other}"


def test_no_file_imports_itself_round_a_corner() -> None:
    graph = {module_name(path): set(imports(ast.parse(path.read_text()))) for path in FILES}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in finished:
            for other in graph.get(name, set()) - {name, "sonant"}:
                visit(other, (*trail, name))
            finished.add(name)

    finished: set[str] = set()
    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_and_functions_can_be_held_in_the_head(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            # A command's options are its documentation: only what it does is counted.
            length = (node.end_lineno or 0) - node.body[0].lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_importing_does_nothing_but_define(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            assert path.name in ("__init__.py", "__main__.py"), ast.unparse(node)
            called = ast.unparse(node)
            assert path.name == "__main__.py" or called.startswith("app."), called


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_swallowed_errors_no_pickle_no_eval(path: Path) -> None:
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
            only_pass = all(isinstance(line, ast.Pass) for line in node.body)
            assert not only_pass, f"an error is swallowed in line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), f"line {node.lineno}"
    assert "import pickle" not in text


def test_the_public_names_are_these() -> None:
    assert sonant.__all__ == [
        "Item", "Manifest", "Recogniser", "SonantError",
        "evaluate", "load", "predict", "serve", "stream", "train",
    ]  # fmt: skip
    for name in sonant.__all__:
        assert getattr(sonant, name).__doc__, f"sonant.{name} has no docstring"


def test_using_a_bundle_never_imports_torch() -> None:
    program = "\n".join(
        [
            "import sys",
            "sys.modules['torch'] = None  # importing it now raises",
            *(f"import {name}" for name in NO_TORCH),
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
