"""A convolution that is right and fast on small images in bfloat16 on a CPU."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW_PLACES: Final = 8
"""Up to so many places of the kernel on an image, one matrix product beats oneDNN's convolution."""


@final
class SmallConv2d(nn.Conv2d):
    """`nn.Conv2d`, with the same parameters and answers, for images that may become small.

    oneDNN's bfloat16 kernels for AMX (seen with torch 2.13) fail on small images in two ways. The
    weight's gradient is several times slower than it need be where the kernel has few places to go.
    And with a stride above 1 and an output of one column they read memory that nobody wrote:
    silently wrong values or NaN. ResNet-18 on 32 frames meets both in its last stages.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[batch, channels, rows, columns] in and out."""
        if not _reduced(input) or isinstance(self.padding, str):
            return super().forward(input)
        rows, columns = (self._places(axis, input.shape[2 + axis]) for axis in (0, 1))
        dangerous = columns == 1 and self.stride[1] > 1
        plain = self.groups == 1 and self.padding_mode == "zeros"
        if plain and (0 < rows * columns <= FEW_PLACES or dangerous):
            return self._product(input, rows, columns)
        if dangerous:  # a second column, which is thrown away
            return super().forward(functional.pad(input, (0, self.stride[1])))[..., :1]
        return super().forward(input)

    def _places(self, axis: int, size: int) -> int:
        """Places of the kernel along rows (0) or columns (1)."""
        span = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
        return (size + 2 * int(self.padding[axis]) - span) // self.stride[axis] + 1

    def _product(self, input: Tensor, rows: int, columns: int) -> Tensor:
        """What lies under each weight of the kernel, side by side, times the weights."""
        down, across = (int(pad) for pad in self.padding)
        high, wide = self.kernel_size
        image = functional.pad(input.permute(0, 2, 3, 1), (0, 0, across, across, down, down))
        (step_down, step_across), (apart, beside) = self.stride, self.dilation
        taps = [
            image[
                :,
                top * apart : top * apart + step_down * (rows - 1) + 1 : step_down,
                left * beside : left * beside + step_across * (columns - 1) + 1 : step_across,
            ]
            for top in range(high)
            for left in range(wide)
        ]
        weights = self.weight.permute(2, 3, 1, 0).flatten(0, 2)
        product = torch.cat(taps, -1).flatten(0, 2) @ weights
        if self.bias is not None:
            product = product + self.bias
        return product.view(-1, rows, columns, self.out_channels).permute(0, 3, 1, 2)


def _reduced(values: Tensor) -> bool:
    """Whether a CPU will multiply these in less than single precision."""
    return values.device.type == "cpu" and (
        torch.is_autocast_enabled("cpu") or values.dtype != torch.float32
    )
