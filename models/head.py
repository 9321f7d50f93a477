"""From features to one logit for every window: running average, dropout, linear units.

The default has one unit, whose value is the logit. The other heads exist to be compared with it;
what they give is reduced to the logit of "some abnormality", so that everything behind the
network is the same.
"""

import keras
import numpy as np
from keras import ops

from models.dropout import RowDropout

# sigmoid: one unit. softmax: normal and abnormal. softmax_kinds: normal and each kind of finding,
# one of which it is. sigmoid_kinds: each kind of finding, several at once.
HEADS = ("sigmoid", "softmax", "softmax_kinds", "sigmoid_kinds")
# glorot: as Keras draws it. softmax: the one unit starts as the difference of two.
HEAD_STARTS = ("glorot", "softmax")


def units_of(head: str, kinds: int) -> int:
    """Number of linear units of a head for so many kinds of findings."""
    return {"sigmoid": 1, "softmax": 2, "softmax_kinds": kinds + 1, "sigmoid_kinds": kinds}[head]


def abnormal_logit(units, head: str):
    """Units (B, h, w, units) of a head -> logit of "some abnormality" (B, h, w).

    softmax: z1 - z0. softmax_kinds: logsumexp over the kinds - z0. sigmoid_kinds: with
    s = sum of softplus(z), P(none) = exp(-s), so the logit is s + log(1 - exp(-s)).
    """
    if head == "sigmoid":
        return ops.squeeze(units, axis=-1)
    if head == "sigmoid_kinds":
        s = ops.sum(ops.softplus(units), axis=-1)
        return s + ops.log(-ops.expm1(-s))
    return ops.logsumexp(units[..., 1:], axis=-1) - units[..., 0]


def exportable_logit(units):
    """`abnormal_logit` of sigmoid_kinds, in operations that every exported form computes exactly.

    Forms lack expm1, or take it and softplus apart, where small logits become -inf. The odds of
    "some of the first k" are those of the first k - 1, of number k, and their product, added up.
    """
    first, *others = (units[..., kind] for kind in range(units.shape[-1]))
    for z in others:
        first = ops.logsumexp(ops.stack([first, z, first + z], axis=-1), axis=-1)
    return first


def window_logits(
    features, *, cells: int, core_cells: int, dropout: float, seed: int, head: str, kinds: int
):
    """One logit for every window of cells x cells features, all in float32.

    A small finding fills the middle of its window only; the core's own mean keeps it apart from
    the surroundings, which the mean of the whole window tells of.

    Args:
        features: Keras tensor (B, h, w, C).
        cells: side of the window in cells.
        core_cells: side of the middle of the window whose mean is taken as well; 0 for none.
        dropout, seed: share of the mean features that training drops, and what it is drawn from.
        head, kinds: one of HEADS, and the number of kinds of findings that it tells apart.

    Returns:
        Keras tensor (B, h - cells + 1, w - cells + 1), float32 logits. The layer "logit" before
        it gives the units.
    """
    x = _window_mean(features, cells, name="window")
    if core_cells:
        border = (cells - core_cells) // 2
        middle = keras.layers.Cropping2D(border, name="core", dtype="float32")(features)
        core = _window_mean(middle, core_cells, name="core")
        x = keras.layers.Concatenate(name="core_and_window", dtype="float32")([core, x])
    x = RowDropout(dropout, seed=seed, name="dropout", dtype="float32")(x)
    units = keras.layers.Conv2D(units_of(head, kinds), 1, name="logit", dtype="float32")(x)
    return abnormal_logit(units, head)


def _window_mean(x, cells: int, *, name: str):
    # Row means, then column means: 2 n additions instead of n * n.
    for side, size in (("rows", (cells, 1)), ("cols", (1, cells))):
        x = keras.layers.AveragePooling2D(size, 1, name=f"{name}_{side}", dtype="float32")(x)
    return x


def initialise_head(network: keras.Model, *, seed: int, start: str = "glorot") -> None:
    """Glorot-uniform kernel from the seed, bias 0.

    Args:
        start: one of HEAD_STARTS; "softmax" gives one unit the difference of the two units that
            a softmax head starts with for this seed, whose logits are sqrt(2) wider.
    """
    logit = network.get_layer("logit")
    features, units = logit.kernel.shape[2:]
    drawn = 2 if start == "softmax" else units
    limit = np.sqrt(6 / (features + drawn))
    random = np.random.default_rng([seed, 1_000_000])
    kernel = random.uniform(-limit, limit, (1, 1, features, drawn))
    if start == "softmax" and units == 1:
        kernel = kernel[..., 1:] - kernel[..., :1]
    logit.kernel.assign(kernel.astype("float32"))
    logit.bias.assign(np.zeros(units, "float32"))
