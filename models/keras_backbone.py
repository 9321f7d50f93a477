"""Any network of keras.applications, up to stride 16, as a backbone.

The network is cut behind the last layer of stride 16 that everything later is computed from, and
copied up to there: with the same names whatever was built before, without its drop-outs of whole
branches (the one before the logit stays), the first convolution in float32.
"""

import difflib
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

from models.graph_field import GraphField
from models.keras_graph import calls_of, copy_up_to, last_of_stride

STRIDE_PX = 16
# NASNet is built for one size of image: on others it joins maps of different sizes.
_OF_ONE_SIZE = {"NASNetLarge", "NASNetMobile"}
APPLICATIONS = tuple(
    sorted(n for n in dir(keras.applications) if n[0].isupper() and n not in _OF_ONE_SIZE)
)
WEIGHT_FILES = (".h5", ".hdf5")

_MIDDLE_PX = (STRIDE_PX - 1) / 2


@dataclass(frozen=True)
class KerasBackbone:
    """A network of keras.applications up to stride 16.

    Attributes:
        layers: model, (B, H, W, 3) as the application expects it -> (B, H/16 + extra, ..., C).
        field: of its cells.
    """

    name: str
    layers: keras.Model
    field: GraphField

    @property
    def moved_px(self) -> int:
        """Rows and columns to put before the image, so that cell i has its middle in the middle
        of the pixels 16 i to 16 i + 15; negative where rows have to go."""
        return round(self.field.middle_px - _MIDDLE_PX)

    @property
    def sees_everything(self) -> bool:
        """Whether a mean over the whole map, such as squeeze-and-excitation, takes part."""
        return self.field.everywhere

    @property
    def reach_px(self) -> tuple[int, int]:
        """First and last pixel that cell 0 sees, but for such a mean."""
        return self.field.first_px - self.moved_px, self.field.last_px - self.moved_px

    def features(self, image):
        """(B, H, W, 1) in [0, 1], H and W multiples of 16 -> (B, H/16, W/16, C)."""
        before = self.moved_px
        after = -self.field.extra * STRIDE_PX - before
        prepared = ApplicationInput(self.name, before, after, name="rescale", dtype="float32")
        return self.layers(prepared(image))


class ApplicationInput(keras.layers.Layer):
    """(B, H, W, 1) in [0, 1] -> (B, H + before + after, ..., 3) as an application expects it.

    Args:
        application: name in keras.applications.
        before, after: rows and columns of zeros on either side, less than 0 to leave some out.
    """

    def __init__(self, application: str, before: int, after: int, **options):
        super().__init__(**options)
        self.application = application
        self.before = before
        self.after = after

    def call(self, x):
        x = _preprocess(self.application, ops.repeat(x * 255.0, 3, axis=-1))
        start, end = max(-self.before, 0), min(self.after, 0) or None
        sides = (max(self.before, 0), max(self.after, 0))
        return ops.pad(x[:, start:end, start:end], ((0, 0), sides, sides, (0, 0)))

    def get_config(self):
        own = {"application": self.application, "before": self.before, "after": self.after}
        return {**super().get_config(), **own}


class ChannelScale(keras.layers.Layer):
    """One factor for each channel; as ConvNeXt's own, but with a name for its weight."""

    def __init__(self, init_values: float, projection_dim: int, **options):
        super().__init__(**options)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, _):
        start = keras.initializers.Constant(self.init_values)
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=start, name="gamma")

    def call(self, x):
        return x * self.gamma


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
    calls = calls_of(_application(name, weights))
    cut = last_of_stride(calls, STRIDE_PX)
    layers = copy_up_to(calls, cut, copied=_Copier(name), with_weights=weights != "none")
    if weights == "none":
        _draw_kernels(layers, seed)
    return KerasBackbone(name, layers, calls[cut].field)


def unknown_backbone(name: str) -> str:
    """What to say of a backbone that does not exist."""
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in APPLICATIONS], 1, 0.5)
    hint = [n for n in APPLICATIONS if n.lower() in near]
    return (
        "backbone must be valid, efficientnet_lite0 or a network of keras.applications, "
        f"not {name!r}" + (f"; did you mean {hint[0]}?" if hint else "")
    )


def _application(name: str, weights: str | Path) -> keras.Model:
    build = getattr(keras.applications, name)
    if weights == "none":
        return build(include_top=False, weights=None)
    if weights == "imagenet":
        with _Download(name):
            return build(include_top=False, weights="imagenet")
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


class _Download:
    """Says what to do when Keras cannot download weights."""

    def __init__(self, name: str):
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> None:
        # Keras raises a plain Exception in the place of urllib's, which stays its context.
        if isinstance(error, OSError) or isinstance(getattr(error, "__context__", None), OSError):
            raise ValueError(
                f"weights imagenet of {self._name} could not be downloaded ({error}): connect "
                "this machine to the internet once, Keras keeps them; or give a file of them, "
                "network.weights=path/to/weights.h5; or start from network.weights=none"
            ) from error


class _Copier:
    """Copies the layers of an application in their order.

    All up to the first convolution in float32: rounded to bfloat16 the picture would keep 8 bits.
    """

    def __init__(self, application: str):
        self._prepared = _is_prepared_outside(application)
        self._at_start = True

    def __call__(self, layer: keras.Operation, config: dict) -> keras.Operation | None:
        own_preparation = keras.layers.Rescaling | keras.layers.Normalization
        if isinstance(layer, keras.layers.Dropout) or (
            self._prepared and isinstance(layer, own_preparation)
        ):
            return None
        if isinstance(layer, keras.Layer) and self._at_start:
            config["dtype"] = "float32"
            self._at_start = not isinstance(layer, keras.layers.Conv2D)
        if isinstance(layer, keras.layers.Conv2D) and layer.groups == layer.filters > 1:
            return _depthwise(layer, config)
        kind = ChannelScale if type(layer).__name__ == "LayerScale" else type(layer)
        return kind.from_config(config)


def _depthwise(layer: keras.layers.Conv2D, config: dict) -> keras.layers.DepthwiseConv2D:
    """The same as a convolution in groups of one channel, which TensorFlow has no CPU kernel for;
    the kernel is (rows, cols, channels, 1) in the place of (rows, cols, 1, channels)."""
    same = ("name", "dtype", "kernel_size", "strides", "padding", "dilation_rate", "use_bias")
    return keras.layers.DepthwiseConv2D(**{key: config[key] for key in same})


def _is_prepared_outside(application: str) -> bool:
    """EfficientNet's first normalisation is a weight, and ImageNet's come with a layer more."""
    return application.startswith("EfficientNetB")


def _preprocess(application: str, x):
    """(B, H, W, 3) in [0, 255] -> as the layers behind `ApplicationInput` expect it."""
    if _is_prepared_outside(application):
        return keras.applications.imagenet_utils.preprocess_input(x, mode="torch")
    module = sys.modules[getattr(keras.applications, application).__module__]
    return module.preprocess_input(x)


def _draw_kernels(layers: keras.Model, seed: int) -> None:
    kernels = [variable for variable in layers.weights if len(variable.shape) > 1]
    for index, kernel in enumerate(kernels):
        random = np.random.default_rng([seed, index])
        shape = tuple(kernel.shape)
        # (rows, cols, in, out), (in, out), or depthwise (rows, cols, channels, 1)
        depthwise = len(shape) == 4 and shape[-1] == 1
        fan_in = np.prod(shape[:2] if depthwise else shape[:-1])
        kernel.assign(random.standard_normal(shape, np.float32) * np.sqrt(2 / fan_in))
