"""The number format that a network is built in.

Measured on two cores with AVX-512 bfloat16, 8 crops of 512 px: a training step of EfficientNet-
Lite0 takes 0.9 s of CPU in float32 and 1.2 s in mixed_bfloat16, because its depthwise convolutions
have no fast bfloat16 kernel there; a map of 2048 x 1200 px takes 0.2 s in float32. So CPUs compute
in float32, and a loaded network does so everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Networks built inside compute in this Keras policy, for example mixed_bfloat16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def training_policy() -> str:
    """The fastest safe policy of this machine's devices.

    GPUs from compute capability 8.0 on: mixed_bfloat16; 7.x: mixed_float16, which needs a scaled
    loss; older ones and CPUs: float32.
    """
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    majors = [detail.get("compute_capability", (0, 0))[0] for detail in details]
    if not gpus or min(majors) < 7:
        return "float32"
    return "mixed_bfloat16" if min(majors) >= 8 else "mixed_float16"
