"""Where the network trains, and with which precision."""

import tensorflow as tf


def choose_strategy() -> tf.distribute.Strategy:
    """All GPUs of the machine where there are several, else the only device."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Taking all memory at once would keep others, and the heatmap stage, off the GPU.
        tf.config.experimental.set_memory_growth(gpu, True)
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def choose_precision(setting: str) -> str:
    """The Keras policy of a setting: auto is mixed_float16 on GPUs with tensor cores."""
    if setting != "auto":
        return setting
    gpus = tf.config.list_physical_devices("GPU")
    capabilities = [
        tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
        for gpu in gpus
    ]
    return "mixed_float16" if gpus and min(capabilities) >= (7, 0) else "float32"
