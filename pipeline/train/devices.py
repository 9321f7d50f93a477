"""Where the network trains."""

import tensorflow as tf


def choose_strategy() -> tf.distribute.Strategy:
    """All GPUs of the machine where there are several, else the only device."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Taking all memory at once would keep others, and the heatmap stage, off the GPU.
        tf.config.experimental.set_memory_growth(gpu, True)
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()
