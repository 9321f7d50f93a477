"""The backbones by name; those of keras.applications are built in models/keras_backbone.py."""

import difflib

OWN_BACKBONES = ("valid", "efficientnet_lite0")
APPLICATIONS = (
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    *(f"DenseNet{layers}" for layers in (121, 169, 201)),
    *(f"EfficientNetB{size}" for size in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *("InceptionResNetV2", "InceptionV3"),
    *("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    *(f"ResNet{layers}{form}" for layers in (50, 101, 152) for form in ("", "V2")),
    *("VGG16", "VGG19", "Xception"),
)
WEIGHT_FILES = (".h5", ".hdf5")


def known_backbone(name: str) -> str:
    """The name, if it is one.

    Raises:
        ValueError: it is not; says which is meant.
    """
    names = {known.lower(): known for known in (*OWN_BACKBONES, *APPLICATIONS)}
    if name in names.values():
        return name
    near = difflib.get_close_matches(name.lower(), names, 1, 0.5)
    hint = f"did you mean {names[near[0]]}" if near else f"those are {', '.join(APPLICATIONS)}"
    raise ValueError(
        f"must be {', '.join(OWN_BACKBONES)} or a network of keras.applications; {hint}"
    )


def known_weights(name: str) -> str:
    """none, imagenet or a file by its ending.

    Raises:
        ValueError: it is none of them.
    """
    if name not in ("none", "imagenet") and not name.endswith(WEIGHT_FILES):
        raise ValueError(f"must be none, imagenet or a Keras file of weights, {WEIGHT_FILES[0]}")
    return name
