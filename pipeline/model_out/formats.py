"""The forms of an exported network: each is written by Keras and read back by its own runtime."""

import contextlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.network import PatchNetwork

# tf2onnx asks numpy for a name that is gone; TensorFlow's reader of LiteRT files has a successor.
KNOWN_WARNINGS = ".*np.object.*|.*tf.lite.Interpreter is deprecated"


@dataclass(frozen=True)
class Format:
    """A form of an exported network."""

    name: str  # what people call it
    keras_name: str  # what Keras calls it
    file: str  # its name in the folder
    # of the path and the input: what the network that is read back gives
    run: Callable[[Path, np.ndarray], np.ndarray]
    packages: tuple[str, ...] = ()  # that it needs beside those of requirements.lock

    @property
    def lacking(self) -> tuple[str, ...]:
        """Those of its packages that are not installed."""
        return tuple(name for name in self.packages if not importlib.util.find_spec(name))


def write_network(network: "PatchNetwork", form: Format, path: Path) -> None:
    """Write a network in one of FORMATS; a network of fixed tiles takes no other size.

    Raises:
        Exception: of many kinds, where the form lacks an operation of the network.
    """
    import keras

    side = network.tile_px or None
    image = keras.InputSpec("float32", (1 if side else None, side, side, 1), name="image")
    with _quiet():
        network.exportable.export(
            str(path), format=form.keras_name, verbose=False, input_signature=[image]
        )


def run_network(form: Format, path: Path, image: np.ndarray) -> np.ndarray:
    """What a written network gives for an input, (1, H, W, 1) -> (1, h, w), both float32."""
    with _quiet():
        return np.asarray(form.run(path, image))


def _run_saved_model(path: Path, image: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return model.serve(image).numpy()


def _run_onnx(path: Path, image: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return session.run(None, {"image": image})[0]


def _run_litert(path: Path, image: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    reader = tf.lite.Interpreter(str(path))
    (taken,), (given,) = reader.get_input_details(), reader.get_output_details()
    reader.resize_tensor_input(taken["index"], image.shape)
    reader.allocate_tensors()
    reader.set_tensor(taken["index"], image)
    reader.invoke()
    return reader.get_tensor(given["index"])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The converters' own lines, which say nothing of the model, are left out."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx")]
    levels = [logger.level for logger in loggers]
    kept = os.dup(2)
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with Path(os.devnull).open("w") as nowhere, warnings.catch_warnings():
            warnings.filterwarnings("ignore", KNOWN_WARNINGS)
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


FORMATS = (
    Format("SavedModel", "tf_saved_model", "saved_model", _run_saved_model),
    Format("ONNX", "onnx", "model.onnx", _run_onnx, packages=("tf2onnx", "onnxruntime")),
    Format("LiteRT", "litert", "model.tflite", _run_litert),
)
