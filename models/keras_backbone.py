"""Any network of keras.applications, up to stride 16, as a backbone.

The layers are called once more by `keras.models.clone_model`, which tells of each call. So one
pass follows what each map sees of the image, leaves out what does not belong in a backbone, and
finds the last map of stride 16 that everything later is computed from.
"""

import difflib
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from models.receptive_field import ReceptiveField, joined

STRIDE_PX = 16
# NASNet is built for one size of image: on others it joins maps of different sizes.
_OF_ONE_SIZE = {"NASNetLarge", "NASNetMobile"}
APPLICATIONS = tuple(
    sorted(n for n in dir(keras.applications) if n[0].isupper() and n not in _OF_ONE_SIZE)
)
WEIGHT_FILES = (".h5", ".hdf5")

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_POOLINGS = (layers.MaxPooling2D, layers.AveragePooling2D)
_GLOBAL = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
_SAME_MAP = (layers.Activation, layers.BatchNormalization, layers.LayerNormalization, layers.ReLU)


@dataclass(frozen=True)
class KerasBackbone:
    """A network of keras.applications up to stride 16."""

    name: str
    # model, (B, H, W, 3) as the application expects it -> (B, H/16 + extra, ..., C)
    layers: keras.Model
    field: ReceptiveField  # of its cells
    # whether a mean over the whole map, such as squeeze-and-excitation, takes part, so that every
    # pixel matters a little
    sees_everything: bool = False

    @property
    def moved_px(self) -> int:
        """Rows and columns to put before the image, so that cell i has its middle in the middle
        of the pixels 16 i to 16 i + 15; negative where rows have to go."""
        return round(self.field.middle_px - (STRIDE_PX - 1) / 2)

    @property
    def reach_px(self) -> tuple[int, int]:
        """First and last pixel that cell 0 sees, but for such a mean."""
        return self.field.first_px - self.moved_px, self.field.last_px - self.moved_px

    def features(self, image):
        """(B, H, W, 1) in [0, 1], H and W multiples of 16 -> (B, H/16, W/16, C)."""
        return self.layers(layers.Lambda(self._prepared, name="rescale", dtype="float32")(image))

    def _prepared(self, image):
        """(B, H, W, 1) in [0, 1] -> (B, H + before + after, ..., 3) as the application expects it.

        Zeros are put around the image so that each cell has its pixels, or rows are left out.
        """
        x = ops.repeat(image * 255.0, 3, axis=-1)
        if _is_prepared_outside(self.name):
            x = keras.applications.imagenet_utils.preprocess_input(x, mode="torch")
        else:
            module = getattr(keras.applications, self.name).__module__
            x = sys.modules[module].preprocess_input(x)
        before = self.moved_px
        after = -self.field.extra * STRIDE_PX - before
        start, end = max(-before, 0), min(after, 0) or None
        sides = (max(before, 0), max(after, 0))
        return ops.pad(x[:, start:end, start:end], ((0, 0), sides, sides, (0, 0)))


def keras_backbone(name: str, *, weights: str | Path = "none", seed: int = 0) -> KerasBackbone:
    """Build a backbone under the current precision policy.

    Args:
        name: one of APPLICATIONS.
        weights: "none" draws the kernels from the seed, normal with variance 2 / fan_in;
            "imagenet" are those that Keras downloads, once, to ~/.keras/models; or a file that
            Keras has written of this application without its top, .weights.h5 or .h5.
        seed: of the kernels.

    Raises:
        ValueError: an unknown name; weights that cannot be had or do not fit.
    """
    if name not in APPLICATIONS:
        raise ValueError(unknown_backbone(name))
    image = keras.Input((None, None, 3), name="prepared")
    calls = trace(_application(name, weights), image, prepared=_is_prepared_outside(name))
    end = last_of_stride(calls, STRIDE_PX)
    backbone = keras.Model(image, end.result, name="backbone")
    if weights == "none":
        _draw_kernels(backbone, seed)
    sees_everything = any(isinstance(layer, _GLOBAL) for layer in backbone.layers)
    rows, cols = end.fields
    field = joined([rows, cols])
    return KerasBackbone(name, backbone, field, sees_everything)


def backbone_weights(backbone: keras.Model) -> dict:
    """The weights of a backbone by names that do not depend on what was built before it.

    What Keras has counted up in this process is numbered as in a fresh one.

    Example: conv1_conv, conv2d_7, conv2d_9 become conv1_conv, conv2d_0, conv2d_2.
    """
    counted = {}
    for layer in backbone.layers:
        kind = re.sub(r"_\d+$", "", layer.name)
        if kind.replace("_", "") == type(layer).__name__.lower():
            counted[layer.name] = kind, int(layer.name[len(kind) + 1 :] or 0)
    first = dict(sorted(counted.values(), reverse=True))  # the smallest comes last and stays
    renamed = {name: f"{kind}_{n - first[kind]}" for name, (kind, n) in counted.items()}
    named = {}
    for layer in backbone.layers:
        for variable in layer.weights:
            # The layer scale of ConvNeXt gives its only weight no name.
            own = re.sub(r"^variable(_\d+)?$", "gamma", variable.name)
            named[f"{renamed.get(layer.name, layer.name)}/{own}"] = variable
    return named


def unknown_backbone(name: str) -> str:
    """What to say of a backbone that does not exist."""
    written = {known.lower(): known for known in APPLICATIONS}
    near = difflib.get_close_matches(name.lower(), written, 1, 0.5)
    return (
        "backbone must be valid, efficientnet_lite0 or a network of keras.applications, "
        f"not {name!r}" + "".join(f"; did you mean {written[n]}?" for n in near)
    )


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer."""

    layer: keras.Operation
    read: list[int]  # identities of the tensors that it reads
    result: keras.KerasTensor
    # of the rows and the columns of its result; none where that has no positions
    fields: tuple[ReceptiveField, ...]

    @property
    def is_map(self) -> bool:
        """Whether its result has positions, all of them computed."""
        return bool(self.fields) and not isinstance(self.layer, layers.ZeroPadding2D)


def trace(network: keras.Model, image: keras.KerasTensor, *, prepared: bool = False) -> list[Call]:
    """Call the layers of a network of one input on another image, in their order.

    A Sequential inside it is taken apart. Drop-outs of whole branches are left out: the one
    before the logit stays. All up to the first convolution computes in float32: rounded to
    bfloat16 the picture would keep 8 bits.

    Args:
        prepared: leave out the network's own scaling of the image, too.
    """
    left_out = (layers.Dropout, *((layers.Rescaling, layers.Normalization) if prepared else ()))
    calls: list[Call] = []
    fields: dict[int, tuple[ReceptiveField, ...]] = {id(image): (ReceptiveField(),) * 2}
    at_start = True

    def call(layer, *args, **kwargs):
        nonlocal at_start
        if isinstance(layer, keras.Sequential):
            result = args[0]
            for inner in layer.layers:
                result = call(inner, result)
            return result
        if isinstance(layer, left_out):
            return args[0]
        if isinstance(layer, keras.Layer) and at_start:
            layer.dtype_policy = "float32"
            at_start = not isinstance(layer, layers.Conv2D)
        if isinstance(layer, layers.Conv2D) and layer.groups == layer.filters > 1:
            layer.convolution_op = _depthwise(layer)
        result = layer(*args, **kwargs)
        read = [id(x) for x in keras.tree.flatten((args, kwargs)) if id(x) in fields]
        known = [fields[x] for x in read if fields[x]]
        fields[id(result)] = _fields_after(layer, known)
        calls.append(Call(layer, read, result, fields[id(result)]))
        return result

    keras.models.clone_model(
        network, input_tensors=image, clone_function=lambda layer: layer, call_function=call
    )
    return calls


def last_of_stride(calls: list[Call], stride_px: int) -> Call:
    """The last call of this stride that everything later is computed from.

    A normalisation and an activation that read its result are taken in, zeros around it are not.

    Raises:
        ValueError: there is none.
    """
    last_use = {x: index for index, call in enumerate(calls) for x in call.read}
    found, needed_until = None, last_use[calls[0].read[0]]
    for index, call in enumerate(calls):
        alone = needed_until <= index
        needed_until = max(needed_until, last_use.get(id(call.result), index))
        behind_it = found and isinstance(call.layer, _SAME_MAP) and call.read == [id(found.result)]
        if behind_it or (alone and call.is_map and call.fields[0].stride_px == stride_px):
            found = call
    if found is None:
        raise ValueError(
            f"there must be a layer of stride {stride_px} that everything goes through"
        )
    return found


def _fields_after(layer, maps: list[tuple[ReceptiveField, ...]]) -> tuple[ReceptiveField, ...]:
    """What is no window, no padding and no mean over the map works on each cell alone."""
    if not maps or isinstance(layer, _GLOBAL):
        return ()
    fields = [joined([fields[axis] for fields in maps]) for axis in (0, 1)]
    if isinstance(layer, layers.ZeroPadding2D):
        sides = zip(fields, layer.padding, strict=True)
        return tuple(f.window(1, before=before, after=after) for f, (before, after) in sides)
    if isinstance(layer, _CONVOLUTIONS):
        dilated = zip(layer.kernel_size, layer.dilation_rate, strict=True)
        sizes = [(size - 1) * step + 1 for size, step in dilated]
    elif isinstance(layer, _POOLINGS):
        sizes = layer.pool_size
    else:
        return tuple(fields)
    learned = isinstance(layer, _CONVOLUTIONS)
    ways = [f.same if layer.padding == "same" else f.window for f in fields]
    return tuple(
        way(size, stride, learned=learned)
        for way, size, stride in zip(ways, sizes, layer.strides, strict=True)
    )


def _depthwise(layer: layers.Conv2D):
    """What a convolution in groups of one channel computes, which TensorFlow has no CPU kernel
    for; its kernel is (rows, cols, 1, channels)."""

    def convolve(inputs, kernel):
        return ops.depthwise_conv(
            inputs,
            ops.swapaxes(kernel, 2, 3),
            strides=layer.strides,
            padding=layer.padding,
            data_format="channels_last",
            dilation_rate=layer.dilation_rate,
        )

    return convolve


def _application(name: str, weights: str | Path) -> keras.Model:
    build = getattr(keras.applications, name)
    if weights == "none":
        return build(include_top=False, weights=None)
    if weights == "imagenet":
        try:
            return build(include_top=False, weights="imagenet")
        except Exception as error:  # Keras raises a plain one; urllib's stays its context
            if not any(isinstance(e, OSError) for e in (error, error.__context__)):
                raise
            raise ValueError(
                f"weights imagenet of {name} could not be downloaded ({error}): connect "
                "this machine to the internet once, Keras keeps them; or give a file of them, "
                "network.weights=path/to/weights.h5; or start from network.weights=none"
            ) from error
    path = Path(weights)
    if path.suffix not in WEIGHT_FILES or not path.is_file():
        raise ValueError(
            f"weights must be none, imagenet or a Keras file of weights ({', '.join(WEIGHT_FILES)})"
            f" that exists, not {weights}"
        )
    try:
        with warnings.catch_warnings():
            # Keras only warns of weights that it does not find in the file.
            warnings.simplefilter("error", UserWarning)
            return build(include_top=False, weights=str(path))
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise ValueError(
            f"{path} must hold the weights of {name} without its top, as Keras writes them with "
            f"{name}(include_top=False).save_weights('{name}.weights.h5'): {error}"
        ) from error


def _is_prepared_outside(application: str) -> bool:
    """EfficientNet's first normalisation is a weight, and ImageNet's come with a layer more."""
    return application.startswith("EfficientNetB")


def _draw_kernels(backbone: keras.Model, seed: int) -> None:
    kernels = [variable for variable in backbone.weights if len(variable.shape) > 1]
    for index, kernel in enumerate(kernels):
        random = np.random.default_rng([seed, index])
        shape = tuple(kernel.shape)
        # (rows, cols, in, out), (in, out), or depthwise (rows, cols, channels, 1)
        depthwise = len(shape) == 4 and shape[-1] == 1
        fan_in = np.prod(shape[:2] if depthwise else shape[:-1])
        kernel.assign(random.standard_normal(shape, np.float32) * np.sqrt(2 / fan_in))
