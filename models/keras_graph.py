"""The graph of a Keras network as a list of calls: where to cut it, and a copy up to there."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import keras

from models.graph_field import GraphField, field_after

_COUNT = re.compile(r"_\d+$")
_SAME_MAP = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.ReLU,
)


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Attributes:
        field: of its result; None where that has no positions.
    """

    layer: keras.Operation
    args: tuple
    kwargs: dict
    result: keras.KerasTensor
    field: GraphField | None

    @property
    def read(self) -> list[int]:
        """Identities of the tensors that it reads."""
        return [id(x) for x in _tensors(self.args, self.kwargs)]


def calls_of(network: keras.Model) -> list[Call]:
    """All calls of a network of one input in the order of computation.

    A Sequential inside it is taken apart. The calls are made once more, by the same layers.
    """
    calls, fields = [], {}

    def call(layer, *args, **kwargs):
        if isinstance(layer, keras.Sequential):
            result = args[0]
            for inner in layer.layers:
                result = call(inner, result)
            return result
        result = layer(*args, **kwargs)
        # What no layer has made is the image.
        known = [fields.get(id(x), (GraphField(),) * 2) for x in _tensors(args, kwargs)]
        both = [field_after(layer, [f[axis] for f in known], axis=axis) for axis in (0, 1)]
        fields[id(result)] = both
        calls.append(Call(layer, args, kwargs, result, _of_both_axes(*both)))
        return result

    keras.models.clone_model(network, clone_function=lambda layer: layer, call_function=call)
    return calls


def last_of_stride(calls: list[Call], stride_px: int) -> int:
    """The last call of this stride that everything later is computed from.

    A normalisation and an activation that read its result are taken in, zeros around it are not.

    Returns:
        Its index.

    Raises:
        ValueError: there is none.
    """
    last_use = {x: index for index, call in enumerate(calls) for x in call.read}
    found, needed_until = None, last_use[calls[0].read[0]]
    for index, call in enumerate(calls):
        alone = needed_until <= index
        needed_until = max(needed_until, last_use.get(id(call.result), index))
        padding = isinstance(call.layer, keras.layers.ZeroPadding2D)
        if alone and not padding and call.field and call.field.stride_px == stride_px:
            found = index
    if found is None:
        raise ValueError(
            f"there must be a layer of stride {stride_px} that everything goes through"
        )
    for index in range(found + 1, len(calls)):
        call = calls[index]
        if isinstance(call.layer, _SAME_MAP) and call.read == [id(calls[found].result)]:
            found = index
    return found


def copy_up_to(
    calls: list[Call],
    last: int,
    *,
    copied: Callable[[keras.Operation, dict], keras.Operation | None],
    with_weights: bool,
) -> keras.Model:
    """A new network of what the last call needs.

    Args:
        calls: of a network with an input of three channels.
        last: index of the last call.
        copied: from a layer and the configuration for its copy, with a name that does not depend
            on what was built before, to the copy; None leaves the layer out.
        with_weights: whether the copies get the weights, too.
    """
    wanted = _needed(calls, last)
    names = _stable_names(wanted)
    image = keras.Input((None, None, 3), name="prepared")
    made = {wanted[0].read[0]: image}
    for call in wanted:
        config = call.layer.get_config() | {"name": names[call.layer.name]}
        layer = copied(call.layer, config)
        args, kwargs = keras.tree.map_structure(
            lambda x: made.get(id(x), x), (call.args, call.kwargs)
        )
        if layer is None:
            made[id(call.result)] = args[0]
            continue
        made[id(call.result)] = layer(*args, **kwargs)
        if with_weights and isinstance(layer, keras.Layer):
            shapes = [variable.shape for variable in layer.weights]
            found = call.layer.get_weights()
            layer.set_weights([w.reshape(s) for w, s in zip(found, shapes, strict=True)])
    return keras.Model(image, made[id(calls[last].result)], name="backbone")


def _tensors(args, kwargs) -> list[keras.KerasTensor]:
    return [x for x in keras.tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]


def _of_both_axes(rows: GraphField | None, cols: GraphField | None) -> GraphField | None:
    if rows is None or cols is None:
        return None
    first, last = min(rows.first_px, cols.first_px), max(rows.last_px, cols.last_px)
    return replace(rows, first_px=first, last_px=last)


def _needed(calls: list[Call], last: int) -> list[Call]:
    needed, found = {id(calls[last].result)}, []
    for call in reversed(calls[: last + 1]):
        if id(call.result) in needed:
            needed.update(call.read)
            found.append(call)
    return found[::-1]


def _stable_names(calls: list[Call]) -> dict[str, str]:
    """New names: what Keras has counted up in this process is numbered as in a fresh one.

    Example: conv1_conv, conv2d_7, conv2d_9 become conv1_conv, conv2d_0, conv2d_2.
    """
    counted = {}
    for call in calls:
        kind, _, number = (
            call.layer.name.rpartition("_")
            if _COUNT.search(call.layer.name)
            else (call.layer.name, "", "0")
        )
        if kind.replace("_", "") == type(call.layer).__name__.lower():
            counted[call.layer.name] = kind, int(number)
    least: dict[str, int] = {}
    for kind, number in counted.values():
        least[kind] = min(number, least.get(kind, number))
    renamed = {name: f"{kind}_{n - least[kind]}" for name, (kind, n) in counted.items()}
    return {call.layer.name: renamed.get(call.layer.name, call.layer.name) for call in calls}
