"""A strided convolution that can be trusted in bfloat16 on a CPU."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional


@final
class StridedConv2d(nn.Conv2d):
    """`nn.Conv2d`, with the same parameters and answers, for strides above 1 on narrow images.

    oneDNN's bfloat16 kernels for AMX (seen with torch 2.13) read memory that nobody wrote when the
    stride is above 1 and the output is one column wide: silently wrong values or NaN, forward and
    in the weight's gradient. ResNet-18 on 32 frames meets that in its last stage. There the input
    gets zeros on its right, so that the output has a second column, which is thrown away.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[batch, channels, rows, columns] in and out."""
        stride, span = self.stride[1], self.dilation[1] * (self.kernel_size[1] - 1) + 1
        padding = 0 if isinstance(self.padding, str) else self.padding[1]
        one_column = 0 <= input.shape[-1] + 2 * padding - span < stride
        if stride == 1 or not one_column or not _reduced(input):
            return super().forward(input)
        return super().forward(functional.pad(input, (0, stride)))[..., :1]


def _reduced(values: Tensor) -> bool:
    """Whether a CPU will multiply these in less than single precision."""
    return values.device.type == "cpu" and (
        torch.is_autocast_enabled("cpu") or values.dtype != torch.float32
    )
