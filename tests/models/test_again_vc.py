"""AGAIN-VC has the published size, runs over time, and hears a voice in all of its clips."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from sonant.errors import RecipeError
from sonant.models.again_vc import GUIDANCES, AgainVC, AgainVCConfig

SMALL = AgainVCConfig(width=12, blocks=2, recurrent_layers=2)


def network(config: AgainVCConfig = SMALL, *, mels: int = 16) -> AgainVC:
    torch.manual_seed(0)
    return AgainVC(config, mels=mels).eval()


def mels(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 5


def convert(net: AgainVC, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    masks = torch.ones_like(source[:, 0]), torch.ones_like(target[:, :, 0])
    with torch.no_grad():
        return net(source, target, *masks)


def test_full_width_has_the_parameters_of_the_reference() -> None:
    net = AgainVC(AgainVCConfig(), mels=80)
    counts = [sum(w.numel() for w in part.parameters()) for part in (net, net.encoder)]
    assert counts == [7_931_476, 2_387_204]


def test_a_batch_gives_what_its_clips_give_alone() -> None:
    net = network()
    source, target = mels(4, 16, 20), mels(4, 1, 16, 15, seed=2)
    together = convert(net, source, target)
    for row in range(4):
        alone = convert(net, source[row : row + 1], target[row : row + 1])
        assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


def test_the_recurrence_runs_over_time() -> None:
    """The reference's ran over the batch: there, one frame changed that frame alone."""
    net = network()
    recurrent = net.decoder.recurrent
    x = torch.randn(1, 12, 20)
    changed = x.clone()
    changed[:, :, 10] += 1.0
    apart = (recurrent(x) - recurrent(changed)).abs().amax((0, 1))
    assert apart[:10].max() == 0
    assert (apart[10:] > 0).all()


def test_frames_outside_the_masks_never_change_an_answer() -> None:
    net = network()
    source, target = mels(1, 16, 20), mels(1, 1, 16, 15, seed=2)
    wanted = convert(net, source, target)
    wide, wider = torch.full((1, 16, 29), 77.0), torch.full((1, 2, 16, 33), -55.0)
    wide[:, :, :20], wider[:, :1, :, 9:24] = source, target
    mask, target_mask = torch.zeros(1, 29), torch.zeros(1, 2, 33)
    mask[:, :20], target_mask[:, 0, 9:24] = 1, 1
    with torch.no_grad():
        found = net(wide, wider, mask, target_mask)
    assert_close(found[:, :, :20], wanted, atol=1e-5, rtol=1e-5)


def test_a_voice_is_heard_in_all_of_its_clips_in_whatever_order() -> None:
    net = network()
    source, one, other = mels(1, 16, 20), mels(1, 1, 16, 15, seed=2), mels(1, 1, 16, 15, seed=3)
    both = convert(net, source, torch.cat([one, other], 1))
    assert_close(convert(net, source, torch.cat([other, one], 1)), both, atol=1e-5, rtol=1e-5)
    assert_close(
        convert(net, source, torch.cat([one, one], 1)),
        convert(net, source, one),
        atol=1e-5,
        rtol=1e-5,
    )
    assert (both - convert(net, source, one)).abs().max() > 1e-3


def test_the_answer_depends_on_words_and_on_voice() -> None:
    net = network()
    source, target = mels(1, 16, 20), mels(1, 1, 16, 15, seed=2)
    wanted = convert(net, source, target)
    assert (convert(net, source, target * 0.5) - wanted).abs().max() > 1e-3
    assert (convert(net, mels(1, 16, 20, seed=9), target) - wanted).abs().max() > 1e-3


def test_guidance_bounds_the_code() -> None:
    code = torch.linspace(-1000, 1000, 9)
    assert GUIDANCES["none"](code).equal(code)
    assert GUIDANCES["sigmoid"](code).min() >= 0
    assert GUIDANCES["tanh"](code).abs().max() <= 1
    source, target = mels(1, 16, 20), mels(1, 1, 16, 15, seed=2)
    answers = [
        convert(network(AgainVCConfig(width=12, blocks=2, guidance=name)), source, target)
        for name in GUIDANCES
    ]
    assert not torch.allclose(answers[0], answers[1])
    assert not torch.allclose(answers[0], answers[2])


def test_silence_in_either_part_gives_numbers_and_gradients() -> None:
    net = network().train()
    floor = torch.full((2, 16, 20), -11.5)
    for source, target in ((floor, mels(2, 1, 16, 15)), (mels(2, 16, 20), floor.unsqueeze(1))):
        net.zero_grad()
        mel = net(source, target, torch.ones(2, 20), torch.ones(2, 1, target.shape[-1]))
        mel.sum().backward()
        assert mel.isfinite().all()
        assert all(w.grad is not None and w.grad.isfinite().all() for w in net.parameters())


@pytest.mark.parametrize("setting", ["width", "blocks", "code", "recurrent_layers", "steepness"])
def test_settings_that_leave_nothing_are_refused_by_name(setting: str) -> None:
    with pytest.raises(RecipeError, match=f"{setting}: 0 is not above 0"):
        AgainVCConfig(**{setting: 0})
