"""A network whose maps are computed again for the gradients instead of being kept.

Its graph is cut where everything goes through one tensor. Of what lies between two cuts a training
keeps the tensor at the beginning alone; a cut is made where that is small beside what it saves.

Source: Chen et al. 2016, arXiv:1604.06174.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import tensorflow as tf

from models.dropout import RowDropout

# A cut is worth it where its tensor is at most so large, beside the maps since the last cut.
_WORTH = 1 / 3
_SIDE_PX = 1024


@dataclass(frozen=True)
class _Call:
    layer: keras.Operation
    read: list[keras.KerasTensor]
    result: keras.KerasTensor


def recomputed(network: keras.Model) -> Callable[..., tf.Tensor]:
    """The function of a network of one input and one output, to be called in a step.

    Its normalisations must not follow the batch: they would do so twice.

    Returns:
        Takes images and `training`, gives what the network gives.
    """
    *pieces, last = _pieces(network)

    def forward(images: tf.Tensor, *, training: bool) -> tf.Tensor:
        x = images
        for piece in pieces:
            x = tf.recompute_grad(_in_mode(piece, training=training))(x)
        return last(x, training=training)

    return forward


def _in_mode(piece: keras.Model, *, training: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda x: piece(x, training=training)


def _pieces(network: keras.Model) -> list[keras.Model]:
    """Networks that share the layers of this one and do, one after the other, what it does."""
    *_, channels = network.inputs[0].shape
    image = keras.Input((None, None, channels))
    calls = _calls(network, image)
    # The same calls on an image of a size, which tells how large their results are.
    sized = _calls(network, keras.Input((_SIDE_PX, _SIDE_PX, channels), batch_size=1))
    pieces, start = [], image
    for call, is_end in zip(calls, _ends(sized), strict=True):
        if isinstance(call.layer, keras.Model):  # as the backbones of keras.applications
            pieces += [keras.Model(start, call.read[0]), *_pieces(call.layer)]
        elif is_end:
            pieces.append(keras.Model(start, call.result))
        else:
            continue
        start = call.result
    return pieces


def _calls(network: keras.Model, image: keras.KerasTensor) -> list[_Call]:
    """The calls of the layers on an image, in their order."""
    calls: list[_Call] = []
    known = {id(image)}

    def call(layer, *args, **options):
        result = layer(*args, **options)
        read = [x for x in keras.tree.flatten((args, options)) if id(x) in known]
        known.add(id(result))
        calls.append(_Call(layer, read, result))
        return result

    keras.models.clone_model(
        network, input_tensors=image, clone_function=lambda own: own, call_function=call
    )
    return calls


def _ends(calls: list[_Call]) -> Iterator[bool]:
    """Whether a piece ends with each call: none between the dropout and the last one."""
    last_use = {id(x): index for index, call in enumerate(calls) for x in call.read}
    between, needed_until, in_head = 0, last_use[id(calls[0].read[0])], False
    for index, call in enumerate(calls):
        in_head = in_head or isinstance(call.layer, RowDropout)
        size = math.prod(call.result.shape)
        between += size
        alone = needed_until <= index
        needed_until = max(needed_until, last_use.get(id(call.result), index))
        is_end = alone and not in_head and size <= _WORTH * between
        if is_end or isinstance(call.layer, keras.Model):
            between = 0
        yield is_end or index == len(calls) - 1
