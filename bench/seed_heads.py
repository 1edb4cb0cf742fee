"""Time-series layers on a finished embedding, dense layers there, and a TDNN on frames: who knows the voice?

    python bench/seed_heads.py DATA --rescnn BUNDLE --tdnn BUNDLE [--train-on DATA] [--epochs 2] [--json]

A ResCNN whose embedding has 512 values is left as it is. On that vector stand the two heads of
`models/vector_heads.py`, untrained and trained with the loss and the crops of the bundle's own recipe: what
it heard is embedded once, `passes` epochs of it, and the heads learn from the vectors. `values shuffled` is
the convolutional head again, behind one fixed permutation of the 512 values. The TDNN hears frames.
All answer the same trials, drawn from the speakers of `test`; fusions are learned on those of `validation`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import speaker_trials as trials
from sonant.bundle import load_embedder
from sonant.card import Card, find
from sonant.data import sources, speaker_splits
from sonant.data.batches import Share
from sonant.data.cache import decode_manifest
from sonant.models.embedder import SpeakerEmbedder
from sonant.models.rescnn import ResCNN, ResCNNConfig
from sonant.models.vector_heads import DenseHead, DenseHeadConfig, TdnnConvHead, TdnnConvHeadConfig
from sonant.nn.losses import loss_for
from sonant.recipe import Recipe
from sonant.speakers.model import SpeakerModel
from sonant.tasks.speakers import SpeakerTask
from speaker_trials import Rows, Scores, Trials, Worth

BATCH = 64
RATE = 2e-3
DECAY = 0.05
ALONE = "ResCNN, its 512 values"
TDNN = "real TDNN, on frames"
Head = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """What a frozen network made of the crops of a training."""

    vectors: Tensor
    """[crops, size], of length 1."""
    voices: Tensor
    """[crops], whose they are."""
    task: SpeakerTask


@torch.no_grad()
def bank(data: str, recipe: Recipe, model: SpeakerEmbedder, *, passes: int) -> Bank:
    """The crops of so many epochs of the recipe's training, augmented as there, as vectors."""
    given = sources.load(data)
    manifest = speaker_splits.prepare(recipe.data, given, seed=recipe.seed)
    store = decode_manifest(manifest, rate_hz=recipe.data.rate_hz, among=given).store
    task = SpeakerTask(
        recipe, manifest, store, size=model.size, share=Share(), device=torch.device("cpu"),
        precision=torch.float32,
    )  # fmt: skip
    vectors, voices = [], []
    for epoch in range(passes):
        for batch in task.batches(epoch=epoch):
            samples = task.augment(batch.samples, batch.items, epoch=epoch).unsqueeze(1)
            vectors.append(model(samples, batch.lengths))
            voices.append(batch.targets)
    return Bank(vectors=torch.cat(vectors), voices=torch.cat(voices), task=task)


def heads(trunk: ResCNNConfig, *, bins: int) -> dict[str, Callable[[], nn.Module]]:
    """Makers of fresh heads, by title; a shuffle is part of the last."""
    conv, dense = TdnnConvHeadConfig(trunk=trunk), DenseHeadConfig(trunk=trunk)
    order = torch.randperm(trunk.size, generator=torch.Generator().manual_seed(0))
    return {
        "dense head": lambda: DenseHead(dense, bins=bins).head,
        "conv head": lambda: TdnnConvHead(conv, bins=bins).head,
        "conv head, values shuffled": lambda: nn.Sequential(
            Shuffled(order), TdnnConvHead(conv, bins=bins).head
        ),
    }


class Shuffled(nn.Module):
    """The values of a vector in one other order, always the same."""

    order: Tensor

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        self.register_buffer("order", order)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, size] in and out."""
        return x[:, self.order]


def train(head: nn.Module, known: Bank, *, size: int, epochs: int) -> None:
    """The loss of the recipe on vectors, its margin rising over as great a part of the epochs as there."""
    settings = known.task.settings.loss
    criterion = loss_for(settings, size=size, speakers=known.task.plan.voices)
    optimizer = torch.optim.AdamW(
        [*head.parameters(), *criterion.parameters()], lr=RATE, weight_decay=DECAY
    )
    steps = epochs * (len(known.voices) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    head.train()
    full = known.task.recipe.fit.epochs
    for epoch in range(epochs):
        order = torch.randperm(len(known.voices))
        for rows in order.split(BATCH)[: len(known.voices) // BATCH]:
            embeddings = F.normalize(head(known.vectors[rows]), dim=1)
            loss = criterion(
                embeddings, known.voices[rows], epoch=epoch * full // epochs
            ).value.mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    head.eval()


@torch.no_grad()
def through(head: nn.Module, rows: Rows) -> Rows:
    """Embeddings [clips, 512] through a head, of length 1."""
    found: Rows = F.normalize(head(torch.from_numpy(rows)), dim=1).numpy()
    return found


def embedded(bundle: Path, asked: Trials) -> Rows:
    """The clips of the trials by a bundle's graph."""
    model = SpeakerModel.load(bundle, threads=torch.get_num_threads())
    rate_hz = trials.RATE_HZ
    rows = [model.embed(trials.samples(item), rate_hz=rate_hz).vector for item in asked.items]
    return np.stack(rows)


def systems(
    options: argparse.Namespace, asked: Trials, known: Trials
) -> dict[str, tuple[Rows, Rows]]:
    """Embeddings of the clips of both lists, by every system."""
    model = load_embedder(options.rescnn)
    recipe = Recipe.from_dict(Card.read(find(options.rescnn)).recipe)
    if not isinstance(model.network, ResCNN) or not isinstance(recipe.model, ResCNNConfig):
        raise SystemExit(
            f"{options.rescnn}: is no ResCNN; train one with sonant train speaker-rescnn"
        )
    rows = tuple(embedded(options.rescnn, side) for side in (asked, known))
    found = {ALONE: rows}
    heard = bank(options.train_on or options.data, recipe, model, passes=options.passes)
    for title, make in heads(recipe.model, bins=model.front_end.bins).items():
        torch.manual_seed(0)
        head = make().eval()
        found[f"{title}, untrained"] = tuple(through(head, side) for side in rows)
        size = found[f"{title}, untrained"][0].shape[1]
        train(head, heard, size=size, epochs=options.epochs)
        found[title] = tuple(through(head, side) for side in rows)
    found[TDNN] = tuple(embedded(options.tdnn, side) for side in (asked, known))
    return found


def judged(options: argparse.Namespace, asked: Trials, known: Trials) -> dict[str, Worth]:
    """Every system and the fusions of the ResCNN, all on the same trials."""
    found = systems(options, asked, known)
    scores: dict[str, Scores] = {title: asked.cosines(rows) for title, (rows, _) in found.items()}
    fit = {title: known.cosines(rows) for title, (_, rows) in found.items()}
    for other in (TDNN, "conv head", "dense head"):
        pair = (ALONE, other)
        fused = trials.fused(
            {title: fit[title] for title in pair}, known.trials.same,
            {title: scores[title] for title in pair},
        )  # fmt: skip
        scores |= {
            f"ResCNN + {other}: {name.partition(' (')[0]}": row for name, row in fused.items()
        }
    return trials.judge(scores, asked, against=ALONE, rounds=options.redrawn)


def report(asked: Trials, worth: Mapping[str, Worth]) -> None:
    """Print the table."""
    print(f"{asked.trials.name}: {asked.trials.origin}; digest {asked.trials.digest[:16]}")
    print(f"{'':66}{'EER, %':>22}{'less that of the ResCNN':>26}")
    for title, one in worth.items():
        apart = "" if one.against is None else trials.percent(one.against)
        print(f"{title:66}{trials.percent(one.eer):>22}{apart:>26}")


def main() -> None:
    """Embed, train the heads, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="folder, table or corpus of clips with speakers")
    parser.add_argument("--rescnn", type=Path, required=True, help="bundle with model.size = 512")
    parser.add_argument("--tdnn", type=Path, required=True, help="bundle trained on the same")
    parser.add_argument(
        "--train-on",
        default="",
        metavar="DATA",
        help="what the bundles were trained on, if not DATA",
    )
    parser.add_argument("--passes", type=int, default=2, help="epochs of crops that are embedded")
    parser.add_argument("--epochs", type=int, default=2, help="of the heads, over these vectors")
    parser.add_argument("--per-speaker", type=int, default=50, help="pairs of each speaker at most")
    parser.add_argument("--different-per-same", type=int, default=4)
    parser.add_argument("--redrawn", type=int, default=500, help="rounds for the bounds")
    parser.add_argument("--json", action="store_true", help="a line of JSON at the end")
    options = parser.parse_args()
    torch.set_num_threads(1)
    manifest = trials.prepared(options.data)
    wanted = {"per_speaker": options.per_speaker, "different_per_same": options.different_per_same}
    asked = Trials.draw(manifest, split="test", **wanted)
    worth = judged(options, asked, Trials.draw(manifest, split="validation", **wanted))
    report(asked, worth)
    if options.json:
        print(json.dumps({title: asdict(one) for title, one in worth.items()}))


if __name__ == "__main__":
    main()
