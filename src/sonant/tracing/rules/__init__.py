"""What becomes of every operator: the literal table of rules, and that of refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sonant.tracing.builder import Site
from sonant.tracing.rules import elementwise, recurrent, reductions, shapes, windows

Rule = Callable[[Site], Any]

CONSTANTS: Final = frozenset(("zeros", "new_zeros", "zeros_like"))
"""Operators whose result is known to be zeros."""

RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(elementwise.OPERATORS, elementwise.elementwise),
    **dict.fromkeys(elementwise.DROPOUT, elementwise.dropout),
    "prelu": elementwise.prelu,
    "_prelu_kernel": elementwise.prelu,
    # shapes
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), shapes.transpose),
    "permute": shapes.permute,
    "movedim": shapes.movedim,
    "moveaxis": shapes.movedim,
    "unsqueeze": shapes.unsqueeze,
    "squeeze": shapes.squeeze,
    **dict.fromkeys(
        ("view", "reshape", "flatten", "unflatten", "_unsafe_view", "view_as"), shapes.reshape
    ),
    **dict.fromkeys(("expand", "expand_as"), shapes.expand),
    **dict.fromkeys(("cat", "concat", "concatenate"), shapes.cat),
    "stack": shapes.stack,
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split", "unbind"), shapes.split),
    "select": shapes.select,
    "slice": shapes.cut,
    "narrow": shapes.narrow,
    "index_select": shapes.index_select,
    "repeat": shapes.repeat,
    **dict.fromkeys(("flip", "roll"), shapes.turned),
    "getitem": shapes.getitem,
    # windows
    "pad": windows.pad,
    "constant_pad_nd": windows.pad,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), windows.convolution),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"), windows.pooling),
    # along an axis
    **dict.fromkeys(
        (
            "mean",
            "sum",
            "amax",
            "amin",
            "max",
            "min",
            "std",
            "var",
            "logsumexp",
            "linalg_vector_norm",
        ),
        reductions.reduction,
    ),
    **dict.fromkeys(
        ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d"), reductions.adaptive
    ),
    **dict.fromkeys(("softmax", "log_softmax", "softmin", "glu", "cumsum"), reductions.along),
    "linear": reductions.linear,
    **dict.fromkeys(("matmul", "bmm", "mm"), reductions.product),
    "batch_norm": reductions.batch_norm,
    "layer_norm": reductions.layer_norm,
    **dict.fromkeys(("group_norm", "instance_norm"), reductions.norm_over_time),
    # in time
    **dict.fromkeys(("gru", "lstm", "rnn_tanh", "rnn_relu"), recurrent.recurrent),
}
"""Operator to rule; an operator that ends in an underscore goes by the rule of the one that does not."""

ATTENTION: Final = (
    "it attends over the whole sequence, the future included",
    "attend over a window of the past: sonant.nn.windows.WindowAttention",
)
FOURIER: Final = (
    "it transforms all frames of the clip at once",
    "keep the spectrum in the front end, which streams: sonant.nn.frontend",
)

REFUSED: Final[dict[str, tuple[str, str]]] = {
    "scaled_dot_product_attention": ATTENTION,
    **dict.fromkeys(
        ("fft_fft", "fft_rfft", "fft_ifft", "fft_irfft", "fft_fft2", "fft_rfft2", "stft", "istft"), FOURIER
    ),
    "sort": ("it sorts", "take a maximum over a window"),
    "topk": ("it picks the largest of all frames", "take a maximum over a window"),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "upsample_nearest1d", "upsample_linear1d",
         "upsample_nearest2d", "upsample_bilinear2d", "repeat_interleave"),
        ("it gives more frames than it takes", "use sonant.nn.layers.ConvTranspose1d at the end"),
    ),
    "item": ("its path depends on a value", "write the choice as torch.where"),
}  # fmt: skip
"""Operator to (why it cannot stream, what to do instead)."""

LAYERS: Final[dict[str, tuple[str, str]]] = {"MultiheadAttention": ATTENTION}
"""The same for whole layers, whose first operators would be fine by themselves."""
