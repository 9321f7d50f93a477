"""Several networks as one: the mean of their logits, each divided by its own temperature.

So what comes out is the mean of calibrated logits without the shift of the prior, which all
members share; the calibration of the whole adds it once.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class MeanLogit(keras.layers.Layer):
    """[(B, h, w), ...] logits of the members -> (B, h, w); the temperatures are a weight."""

    def __init__(self, members: int, **options):
        super().__init__(**options)
        self.members = members

    def build(self, shapes):
        self.temperatures = self.add_weight(
            shape=(self.members,), initializer="ones", trainable=False, name="temperatures"
        )

    def call(self, logits):
        scaled = [z / self.temperatures[i] for i, z in enumerate(logits)]
        return sum(scaled[1:], scaled[0]) / ops.cast(self.members, "float32")

    def get_config(self):
        return {**super().get_config(), "members": self.members}


def member_name(number: int) -> str:
    """Name of a member from 0, and the prefix of its weights in the file."""
    return f"member{number + 1}"
