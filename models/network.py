"""The patch classifier: an image in, one float32 logit for every window of patch size."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import keras
from keras import ops

from models.conv import initialise_kernels
from models.efficientnet_lite0 import (
    FRONT_BLOCKS,
    FRONT_LAYER,
    FRONT_STRIDE_PX,
    STRIDE_PX,
    lite0_features,
    lite0_field,
    load_imagenet,
)
from models.head import HEADS, exportable_logit, initialise_head, units_of, window_logits
from models.keras_backbone import APPLICATIONS, backbone_weights, keras_backbone, unknown_backbone
from models.precision import dtype_policy
from models.valid_network import valid_backbone

BACKBONES = ("valid", "efficientnet_lite0", *APPLICATIONS)
# EfficientNet-Lite0's zero padding changes the window means at the edge of a 512 px crop by 0.76 of
# the standard deviation that they have over a mammogram (34 crops), one cell further in by 0.46,
# then 0.29, 0.17, 0.11, 0.06, 0.04, 0.02 and nothing from the tenth on. Three cells are left out.
# On noise of that spectrum the fourth cell's change is 0.26, and with random weights 0.18 for
# MobileNetV2, 0.05 for ResNet50, 0.01 for DenseNet121, 0.48 for InceptionV3.
_MARGIN_CELLS = 3
# Squeeze-and-excitation looks at everything it is given; so that crops and maps give it the same,
# both are of this many patches.
_TILE_PATCHES = 4


@dataclass(frozen=True)
class NetworkSpec:
    """What has to be known to build a network; weights are kept apart.

    backbone: one of BACKBONES. patch_px: side of the window of a position.
    width: channels of the first layer of backbone valid. dropout: before the logit. head: one of
    HEADS. kinds: how many kinds of findings a head for kinds tells apart, else 0. members: more
    than one is an ensemble, the mean of so many networks. core_px: side of the middle of the window
    whose mean features the head takes beside those of the whole window, 0 for none.
    """

    backbone: str
    patch_px: int
    width: int = 16
    dropout: float = 0.2
    head: str = "sigmoid"
    kinds: int = 0
    members: int = 1
    core_px: int = 0


@dataclass(frozen=True)
class Front:
    """The part of a network at high resolution, where features take most of the memory."""

    layer: str  # the last one of it
    stride_px: int  # distance between its cells, in pixels
    halo_px: int  # pixels around those of a cell that it depends on, a multiple of stride_px


class MeanLogit(keras.layers.Layer):
    """[(B, h, w), ...] logits of the members of an ensemble -> their mean (B, h, w).

    Each is divided by its own temperature, a weight. So what comes out is the mean of calibrated
    logits without the shift of the prior, which all members share; the calibration of the whole
    adds it once.
    """

    def build(self, shapes):
        self.temperatures = self.add_weight(
            shape=(len(shapes),), initializer="ones", trainable=False, name="temperatures"
        )

    def call(self, logits):
        scaled = [z / self.temperatures[i] for i, z in enumerate(logits)]
        return sum(scaled[1:], scaled[0]) / ops.cast(len(logits), "float32")


class PatchNetwork(keras.Model):
    """(B, H, W, 1) float32 in [0, 1] -> (B, h, w) float32 logits, H = patch_px + (h-1) stride_px.

    Cell (i, j) is the position at the pixel (i * stride_px + patch_px / 2 - 0.5, ...).
    """

    spec: NetworkSpec
    stride_px: int  # distance between cells in pixels
    # pixels around a patch that can still change its logit (0 for valid), rounded up to a multiple
    # of stride_px; 0 where tile_px is given
    halo_px: int
    # cells along each edge of a crop that the network's own zero padding disturbs noticeably (0 for
    # valid); training ignores them, maps pad by so much more
    margin_cells: int
    # side of the only crops and tiles that the network is meant for, because a logit depends on all
    # of them; 0 for networks without such layers
    tile_px: int = 0
    # what maps compute first, by smaller tiles; None where they compute all at once
    front: Front | None = None

    @property
    def head_variables(self) -> list:
        """Trainable variables behind the backbone."""
        return self.get_layer("logit").trainable_variables

    @property
    def backbone_variables(self) -> list:
        """Trainable variables of the backbone."""
        head = {id(v) for v in self.head_variables}
        return [v for v in self.trainable_variables if id(v) not in head]

    def backbone_layers(self, *, first: int) -> list:
        """Trainable variables of the backbone's convolutions from number `first` on.

        Args:
            first: so many convolutions, the ones next to the image, are left out with what
                belongs to them.
        """
        variables = self.backbone_variables
        numbers = accumulate(len(variable.shape) > 1 for variable in variables)
        return [v for v, number in zip(variables, numbers, strict=True) if number > first]

    @property
    def members(self) -> "list[PatchNetwork]":
        """The networks of an ensemble; a single network is its only member."""
        numbers = range(1, self.spec.members + 1)
        return [self.get_layer(f"member{n}") for n in numbers] if len(numbers) > 1 else [self]

    @property
    def temperatures(self) -> list[float]:
        """What the logits of each of `members` are divided by; 1 for a single network."""
        is_ensemble = self.spec.members > 1
        return self.get_layer("members").temperatures.numpy().tolist() if is_ensemble else [1.0]

    @property
    def named_weights(self) -> dict:
        """All variables by the names that they have in a file."""
        named: dict = {}
        for layer in self.layers:
            if isinstance(layer, PatchNetwork):  # a member
                named |= {f"{layer.name}/{name}": v for name, v in layer.named_weights.items()}
            elif isinstance(layer, keras.Model):
                named |= backbone_weights(layer)
            else:
                named |= {variable.path: variable for variable in layer.weights}
        return named

    @property
    def units(self) -> keras.Model:
        """The network up to the units of its head: (B, H, W, 1) -> (B, h, w, units)."""
        return keras.Model(self.inputs[0], self.get_layer("logit").output)

    @property
    def exportable(self) -> keras.Model:
        """A network of the same weights and logits that other programs can compute."""
        if self.spec.head != "sigmoid_kinds":
            return self
        image = keras.Input((None, None, 1), name="image")
        logits = [exportable_logit(member.units(image)) for member in self.members]
        several = self.spec.members > 1
        return keras.Model(image, self.get_layer("members")(logits) if several else logits[0])

    @property
    def normalisations(self) -> list[keras.layers.BatchNormalization]:
        """Batch normalisations of a network of keras.applications; the others have none."""
        inner = [layer.layers for layer in self.layers if isinstance(layer, keras.Model)]
        kind = keras.layers.BatchNormalization
        return [layer for layers in inner for layer in layers if isinstance(layer, kind)]

    @property
    def is_frozen(self) -> bool:
        """Whether training leaves the normalisations as they are."""
        return any(not layer.trainable for layer in self.normalisations)

    def freeze_normalisations(self) -> None:
        """Batch normalisations keep statistics, scale and shift, and use them in training too."""
        for layer in self.normalisations:
            layer.trainable = False

    def in_policy(self, policy: str) -> "PatchNetwork":
        """A copy, as frozen as this one, that computes in another Keras policy."""
        with dtype_policy(policy):
            copy = build_network(self.spec)
        copy.set_weights(self.get_weights())
        if self.is_frozen:
            copy.freeze_normalisations()
        return copy


def build_network(
    spec: NetworkSpec,
    *,
    weights: str | Path = "none",
    seed: int = 0,
    head_start: str = "glorot",
) -> PatchNetwork:
    """Build a network under the current Keras precision policy.

    Args:
        spec: what to build.
        weights: "none" draws all weights from the seed; "imagenet", for all but valid, starts
            from those of ImageNet, whose batch normalisations are kept as they are; for networks
            of keras.applications a Keras file of weights does the same.
        seed: seed of the weights and of the dropout.
        head_start: see `initialise_head`.

    Raises:
        ValueError: unknown backbone, head or weights, a patch that does not fit the backbone.
    """
    _check(spec, weights)
    if spec.members > 1:
        one = replace(spec, members=1)
        build = partial(build_network, one, weights=weights, head_start=head_start)
        return _ensemble(spec, [build(seed=seed + number) for number in range(spec.members)])
    network = _assemble(spec, weights=weights, seed=seed)
    initialise_kernels(network, seed=seed)
    initialise_head(network, seed=seed, start=head_start)
    if weights != "none":
        network.freeze_normalisations()
        if spec.backbone == "efficientnet_lite0":
            load_imagenet(network)
    return network


def _check(spec: NetworkSpec, weights: str | Path) -> None:
    backbone = spec.backbone
    if spec.head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}, not {spec.head!r}")
    if units_of(spec.head, spec.kinds) < 1 + (spec.head == "softmax_kinds"):
        raise ValueError(f"head {spec.head} needs at least one kind of finding")
    if backbone not in BACKBONES:
        raise ValueError(unknown_backbone(backbone))
    if weights == "imagenet" and backbone == "valid":
        raise ValueError("weights imagenet need another backbone than valid, which has none")
    if weights not in ("none", "imagenet") and backbone not in APPLICATIONS:
        raise ValueError(
            f"weights of backbone {backbone} must be none or imagenet, not {str(weights)!r}: "
            "files of weights are for networks of keras.applications"
        )


def ensemble_of(networks: list[PatchNetwork], temperatures: list[float]) -> PatchNetwork:
    """The mean of trained networks, each over its own temperature.

    Raises:
        ValueError: they are different networks.
    """
    specs = {network.spec for network in networks}
    if len(specs) != 1:
        raise ValueError(f"the members must be one network of several seeds, not {specs}")
    ensemble = build_network(replace(specs.pop(), members=len(networks)))
    for member, network in zip(ensemble.members, networks, strict=True):
        member.set_weights(network.get_weights())
    ensemble.get_layer("members").temperatures.assign(temperatures)
    return ensemble


def _ensemble(spec: NetworkSpec, members: list[PatchNetwork]) -> PatchNetwork:
    """The mean of networks, which get the names that they have in a file of weights."""
    for number, member in enumerate(members, 1):
        member.name = f"member{number}"
    image = keras.Input((None, None, 1), name="image")
    mean = MeanLogit(name="members", dtype="float32")
    network = PatchNetwork(image, mean([member(image) for member in members]), name="ensemble")
    first = members[0]
    network.spec, network.stride_px, network.tile_px = spec, first.stride_px, first.tile_px
    network.halo_px, network.margin_cells = first.halo_px, first.margin_cells
    return network


def _assemble(spec: NetworkSpec, *, weights: str | Path, seed: int) -> PatchNetwork:
    image = keras.Input((None, None, 1), name="image")
    margin, tile, front = _MARGIN_CELLS, 0, None
    if spec.backbone == "valid":
        features, cells, stride = valid_backbone(image, patch_px=spec.patch_px, width=spec.width)
        halo, margin = 0, 0
    elif spec.backbone == "efficientnet_lite0":
        features, cells, stride = lite0_features(image), _whole_cells(spec), STRIDE_PX
        field, near = lite0_field(), lite0_field(FRONT_BLOCKS)
        halo = _halo_px(field.first_px, field.last_px)
        reach = _halo_px(near.first_px, near.last_px, FRONT_STRIDE_PX)
        front = Front(FRONT_LAYER, FRONT_STRIDE_PX, reach)
    else:
        cells, stride = _whole_cells(spec), STRIDE_PX
        backbone = keras_backbone(spec.backbone, weights=weights, seed=seed)
        features, halo = backbone.features(image), _halo_px(*backbone.reach_px)
        if backbone.sees_everything:
            halo, tile = 0, _tile_px(spec)
    logits = window_logits(
        features,
        cells=cells,
        core_cells=_core_cells(spec, cells, stride),
        dropout=spec.dropout,
        seed=seed,
        head=spec.head,
        kinds=spec.kinds,
    )
    network = PatchNetwork(image, logits, name=spec.backbone)
    network.spec, network.stride_px, network.tile_px = spec, stride, tile
    network.halo_px, network.margin_cells, network.front = halo, margin, front
    return network


def _whole_cells(spec: NetworkSpec) -> int:
    if spec.patch_px < STRIDE_PX or spec.patch_px % STRIDE_PX:
        raise ValueError(
            f"patch_px must be a multiple of {STRIDE_PX} for backbone {spec.backbone}, "
            f"not {spec.patch_px}: change network.patch_mm or image.spacing_mm"
        )
    return spec.patch_px // STRIDE_PX


def _core_cells(spec: NetworkSpec, cells: int, stride_px: int) -> int:
    core = round(spec.core_px / stride_px)
    if spec.core_px and not (0 < core < cells and (cells - core) % 2 == 0):
        possible = [n * stride_px for n in range(1, cells) if (cells - n) % 2 == 0]
        raise ValueError(
            f"core_px must be one of {', '.join(map(str, possible))} for this patch_px, not "
            f"{spec.core_px}: change network.core_mm or network.patch_mm"
        )
    return core


def _halo_px(first_px: int, last_px: int, stride_px: int = STRIDE_PX) -> int:
    """Pixels that the outer cells of a window see outside its patch, in whole strides.

    Args:
        first_px, last_px: what cell 0 sees, which stands for the pixels 0 to stride_px - 1.
    """
    return -(-max(-first_px, last_px + 1 - stride_px) // stride_px) * stride_px


def _tile_px(spec: NetworkSpec) -> int:
    tile_px = _TILE_PATCHES * spec.patch_px
    if (tile_px - spec.patch_px) // STRIDE_PX < 2 * _MARGIN_CELLS:
        raise ValueError(
            f"patch_px must be at least {2 * STRIDE_PX} for backbone {spec.backbone}, "
            f"not {spec.patch_px}: change network.patch_mm or image.spacing_mm"
        )
    return tile_px
