"""report.html of a pipeline: the circle, the figures round by round, sounds to see and to hear."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import soundfile

from sonant import audio, page, plots
from sonant.audio import Clip
from sonant.errors import AudioError
from sonant.page import Html
from sonant.pipeline import circle
from sonant.pipeline.kept import Kept
from sonant.pipeline.making import Sound
from sonant.pipeline.plan import Plan, Stage
from sonant.pipeline.work import State
from sonant.report.gallery import picture

FILE: Final = "report.html"
HEARD_S: Final = 4.0
"""Of each sound that the page carries."""
PURPOSE: Final = (
    "An evaluation of the robustness of models one holds. Converted and attacked sounds are synthetic; keep "
    "them where nobody takes them for recordings."
)
HEADLINES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "speaker": (("equal error rate, unseen speakers", "", "test_eer"),),
    "fuse": (("equal error rate, validation trials", "", "trials_eer"),),
    "convert": (
        ("cosine to the target", "cosine_unconverted", "cosine_target"),
        ("taken for the target", "accept_rate_unconverted", "accept_rate"),
    ),
    "attack": (("clips that won, unseen speakers", "test success before", "test success"),),
    "audit": (("equal error rate without the speech", "", "eer by all"),),
    "detector": (("equal error rate, unseen speakers", "", "eer"),),
    "tandem": (
        ("impostors and forgeries let in, or targets kept out (SASV-EER)",
         "verifier SASV-EER", "both SASV-EER"),
    ),
}  # fmt: skip
"""By kind of stage: what is said of it first, and the figures before and after it, where it has them."""
HELD_OUT: Final = {"held_out_generators": "generator", "held_out_vocoders": "vocoder"}


def write(out: Path, plan: Plan, done: Mapping[str, Kept], states: Mapping[str, State]) -> Path:
    """Write the page into `out`; stages that are not done are shown as such."""
    body = "".join(
        (
            page.section("The circle", circle.draw(plan, states), note=plan.about),
            _headlines(plan, done),
            _stages(out, plan, done, states),
            *_rounds(plan, done),
            _sounds(plan, done),
        )
    )
    return page.write(out / FILE, page.document(plan.name, body, subtitle=PURPOSE))


def _headlines(plan: Plan, done: Mapping[str, Kept]) -> Html:
    """What came of it, a line a result, in the order of the plan."""
    rows = [
        (stage.round or "", stage.name, what, _figure(figures.get(before)), _figure(figures[after]))
        for stage in plan.stages
        if stage.name in done
        for figures in [done[stage.name].made.figures]
        for what, before, after in (*HEADLINES.get(stage.kind, ()), *_held_out(plan, stage))
        if after in figures
    ]
    if not rows:
        return Html("")
    columns = ("round", "stage", "what", "before", "after")
    return page.section("What came of it", page.table(columns, rows, numeric=(0, 3, 4)))


def _held_out(plan: Plan, stage: Stage) -> list[tuple[str, str, str]]:
    """Of a detector: how well it tells what its training had none of."""
    if stage.kind != "detector":
        return []
    (corpus,) = stage.inputs["data"]
    settings = plan[corpus].plain()
    return [
        (f"the same, {column} {name}, never trained on", "", f"eer {column} {name}")
        for setting, column in HELD_OUT.items()
        for name in settings.get(setting, ())
    ]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _stages(out: Path, plan: Plan, done: Mapping[str, Kept], states: Mapping[str, State]) -> Html:
    rows = [_row(out, stage, done.get(stage.name), states[stage.name]) for stage in plan.stages]
    columns = (
        "stage",
        "kind",
        "round",
        "state",
        "clips",
        "minutes of sound",
        "took, s",
        "its report",
    )
    return page.section("Stages", page.table(columns, rows, numeric=(2, 4, 5, 6)))


def _row(out: Path, stage: Stage, kept: Kept | None, state: State) -> tuple[object, ...]:
    named = (stage.name, stage.kind, stage.round, circle.WORDS[state])
    if kept is None:
        return (*named, "", "", "", "")
    made = kept.made
    # The policy of the page keeps it from loading anything; its reader may still follow a link.
    report = made.report.relative_to(out) if made.report else None
    link = Html(f'<a href="{page.text(report.as_posix())}">open</a>') if report else ""
    minutes = f"{made.seconds / 60:.1f}" if made.seconds else ""
    return (*named, made.clips or "", minutes, f"{kept.took_s:.1f}", link)


def _rounds(plan: Plan, done: Mapping[str, Kept]) -> list[Html]:
    """A section a round: every figure of every stage of it."""
    found = []
    for number in sorted({stage.round for stage in plan.stages}):
        tables = [
            f"<h3>{page.text(stage.name)}</h3>"
            + page.table(
                ("figure", "value"),
                [(n.replace("_", " "), f"{v:.4g}") for n, v in kept.made.figures.items()],
                numeric=(1,),
            )
            for stage in plan.stages
            if stage.round == number
            and (kept := done.get(stage.name)) is not None
            and kept.made.figures
        ]
        if tables:
            title = f"Round {number}" if number else "Before the first round"
            found.append(page.section(title, page.cards(tables)))
    return found


def _sounds(plan: Plan, done: Mapping[str, Kept]) -> Html:
    cards = [
        _card(stage, sound)
        for stage in plan.stages
        if stage.name in done
        for sound in done[stage.name].made.sounds
    ]
    return page.section("Listen", page.cards(cards)) if cards else Html("")


def _card(stage: Stage, sound: Sound) -> Html:
    head = f"<h3>{page.text(sound.title)}</h3>"
    foot = (
        f'<p class="remark">{page.text(stage.name)}{f": {sound.words}" if sound.words else ""}</p>'
    )
    try:
        clip = audio.read(sound.path)
    except AudioError as error:
        return Html(f"{head}<p>{page.badge('gone', tone='warning')} {page.text(error)}</p>{foot}")
    start = Clip(clip.samples[: round(HEARD_S * clip.rate_hz)], clip.rate_hz)
    png = plots.waveform_and_spectrogram(start.samples, start.rate_hz, theme=plots.DARK)
    target = io.BytesIO()
    soundfile.write(target, audio.to_pcm16(start.samples), start.rate_hz, format="WAV")
    return Html(
        f"{head}{picture(png, alt=f'Spectrogram: {sound.title}')}{page.audio(target.getvalue())}{foot}"
    )
