"""The table of core operators that can be written in TensorFlow: operator -> rule."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

from sonant.export import aten_arithmetic as arithmetic
from sonant.export import aten_shapes as shapes
from sonant.export import aten_windows as windows
from sonant.export.aten_arithmetic import Rule, binary, compared, reduction, unary
from sonant.export.translate_graph import ATEN

RULES: Final[dict[Any, Rule]] = {
    # element by element
    ATEN.add.Tensor: binary(tf.add),
    ATEN.add.Scalar: binary(tf.add),
    ATEN.sub.Tensor: binary(tf.subtract),
    ATEN.sub.Scalar: binary(tf.subtract),
    ATEN.rsub.Scalar: binary(tf.subtract, swapped=True),
    ATEN.mul.Tensor: binary(tf.multiply),
    ATEN.mul.Scalar: binary(tf.multiply),
    ATEN.div.Tensor: arithmetic.division,
    ATEN.div.Scalar: arithmetic.division,
    ATEN.div.Tensor_mode: arithmetic.division,
    ATEN.pow.Tensor_Scalar: arithmetic.power,
    ATEN.pow.Tensor_Tensor: arithmetic.power,
    ATEN.pow.Scalar: binary(tf.pow),
    ATEN.maximum.default: binary(tf.maximum),
    ATEN.minimum.default: binary(tf.minimum),
    ATEN.clamp.default: arithmetic.clamp,
    ATEN.clamp_min.default: arithmetic.clamp,
    ATEN.hardtanh.default: arithmetic.clamp,
    ATEN.abs.default: unary(tf.abs),
    ATEN.neg.default: unary(tf.negative),
    ATEN.exp.default: unary(tf.exp),
    ATEN.log.default: unary(tf.math.log),
    ATEN.log10.default: unary(arithmetic.decadic),
    ATEN.exp2.default: unary(arithmetic.binary_power),
    ATEN.log2.default: unary(arithmetic.binary_log),
    ATEN.log1p.default: unary(tf.math.log1p),
    ATEN.sqrt.default: unary(tf.sqrt),
    ATEN.rsqrt.default: unary(tf.math.rsqrt),
    ATEN.reciprocal.default: unary(tf.math.reciprocal),
    ATEN.sin.default: unary(tf.sin),
    ATEN.cos.default: unary(tf.cos),
    ATEN.erf.default: unary(tf.math.erf),
    ATEN.floor.default: unary(tf.floor),
    ATEN.ceil.default: unary(tf.math.ceil),
    ATEN.round.default: unary(tf.round),
    ATEN.sign.default: unary(tf.sign),
    ATEN.relu.default: unary(tf.nn.relu),
    ATEN.sigmoid.default: unary(tf.sigmoid),
    ATEN.tanh.default: unary(tf.tanh),
    ATEN.elu.default: arithmetic.elu,
    ATEN.gelu.default: arithmetic.gelu,
    ATEN._softmax.default: arithmetic.softmax,
    ATEN._to_copy.default: arithmetic.cast,
    # compared, chosen
    ATEN.eq.Tensor: compared(tf.equal),
    ATEN.eq.Scalar: compared(tf.equal),
    ATEN.ne.Tensor: compared(tf.not_equal),
    ATEN.ne.Scalar: compared(tf.not_equal),
    ATEN.lt.Tensor: compared(tf.less),
    ATEN.lt.Scalar: compared(tf.less),
    ATEN.le.Tensor: compared(tf.less_equal),
    ATEN.le.Scalar: compared(tf.less_equal),
    ATEN.gt.Tensor: compared(tf.greater),
    ATEN.gt.Scalar: compared(tf.greater),
    ATEN.ge.Tensor: compared(tf.greater_equal),
    ATEN.ge.Scalar: compared(tf.greater_equal),
    ATEN.logical_and.default: compared(tf.logical_and),
    ATEN.logical_or.default: compared(tf.logical_or),
    ATEN.bitwise_and.Tensor: compared(tf.logical_and),
    ATEN.logical_not.default: unary(tf.logical_not),
    ATEN.bitwise_not.default: unary(tf.logical_not),
    ATEN.where.self: arithmetic.where,
    # reduced
    ATEN.mean.dim: reduction(tf.reduce_mean),
    ATEN.sum.dim_IntList: reduction(tf.reduce_sum),
    ATEN.amax.default: reduction(tf.reduce_max),
    ATEN.amin.default: reduction(tf.reduce_min),
    ATEN.any.dim: reduction(tf.reduce_any),
    ATEN.var.correction: arithmetic.variance,
    ATEN.var_mean.correction: arithmetic.variance_and_mean,
    ATEN.native_group_norm.default: arithmetic.group_norm,
    ATEN.argmax.default: arithmetic.argmax,
    ATEN.cumsum.default: arithmetic.cumulative,
    # matrices
    ATEN.mm.default: arithmetic.product,
    ATEN.bmm.default: arithmetic.product,
    ATEN.addmm.default: arithmetic.affine,
    # windows
    ATEN.convolution.default: windows.convolution,
    ATEN.avg_pool1d.default: windows.average,
    ATEN.avg_pool2d.default: windows.average,
    ATEN.max_pool2d_with_indices.default: windows.largest,
    ATEN._adaptive_avg_pool2d.default: windows.mean_of_all,
    # shapes
    ATEN.view.default: shapes.view,
    ATEN._unsafe_view.default: shapes.view,
    ATEN.reshape.default: shapes.view,
    ATEN.unsqueeze.default: shapes.view,
    ATEN.squeeze.dims: shapes.view,
    ATEN.squeeze.dim: shapes.view,
    ATEN.squeeze.default: shapes.view,
    ATEN.permute.default: shapes.permute,
    ATEN.transpose.int: shapes.transpose,
    ATEN.t.default: shapes.turned,
    ATEN.expand.default: shapes.expand,
    ATEN.repeat.default: shapes.repeat,
    ATEN.slice.Tensor: shapes.cut,
    ATEN.slice_scatter.default: shapes.put,
    ATEN.select.int: shapes.select,
    ATEN.split.Tensor: shapes.split,
    ATEN.split_with_sizes.default: shapes.split,
    ATEN.cat.default: shapes.cat,
    ATEN.constant_pad_nd.default: shapes.pad,
    ATEN.flip.default: shapes.flip,
    ATEN.index_select.default: shapes.pick,
    ATEN.index.Tensor: shapes.index,
    ATEN.embedding.default: shapes.embedding,
    ATEN.clone.default: shapes.same,
    ATEN.alias.default: shapes.same,
    ATEN.detach.default: shapes.same,
    ATEN.contiguous.default: shapes.same,
    ATEN.sym_size.int: shapes.size,
    ATEN.scalar_tensor.default: arithmetic.scalar,
    ATEN.full.default: arithmetic.filled,
    ATEN.full_like.default: arithmetic.filled_like,
    ATEN.arange.start_step: shapes.counted,
    operator.getitem: shapes.item,
}

NUMBERS: Final[tuple[Callable[..., Any], ...]] = (
    operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod, operator.neg,
)  # fmt: skip
"""What is computed from sizes that are not known before the graph runs."""
