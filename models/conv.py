"""Convolutions whose normalisation is part of the kernel.

In inference a batch normalisation is a scale and a shift of each channel. The layers here put the
scale into the kernel and the shift into the bias themselves: the same function, one pass over
the map less, and no second "folded" network that could disagree with the trained one.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

EPSILON = 1e-3  # of the batch normalisations
_MOMENTUM = 0.9  # of the moving statistics


class _KernelConv(keras.layers.Layer):
    """Convolution of (B, H, W, C) with `folded()`, the kernel and bias of inference.

    Args:
        filters: channels of the result; None makes a depthwise convolution.
        kernel_size: side of the square kernel.
        stride: step along both axes.
        padding: "valid", "same" (zeros; with stride 2 and even sizes the odd zero comes last) or
            "same_before" (stride 2, odd kernels: the odd zero comes first).
    """

    def __init__(self, filters, kernel_size, *, stride=1, padding="valid", **options):
        super().__init__(**options)
        if padding not in ("valid", "same", "same_before"):
            raise ValueError(f"padding must be valid, same or same_before, not {padding!r}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding

    def build(self, input_shape):
        channels = input_shape[-1]
        last = (channels, 1) if self.filters is None else (channels, self.filters)
        self.out_channels = channels if self.filters is None else self.filters
        # Drawn by `initialise_kernels`.
        self.kernel = self._weight("kernel", "zeros", (self.kernel_size, self.kernel_size, *last))

    def _weight(self, name, initializer, shape=None, *, trainable=True):
        """A float32 weight, by default one number for each output channel.

        autocast=False: kernels are scaled in float32 and rounded once.
        """
        return self.add_weight(
            name=name,
            shape=shape or (self.out_channels,),
            initializer=initializer,
            trainable=trainable,
            autocast=False,
            aggregation="mean",  # moving statistics of several devices
        )

    @property
    def fan_in(self) -> int:
        """Inputs that one output value sums."""
        return self.kernel_size**2 * (1 if self.filters is None else self.kernel.shape[2])

    def folded(self):
        """(kernel, bias) of inference, float32."""
        raise NotImplementedError

    def _scaled_kernel(self, scale):
        return self.kernel * (ops.reshape(scale, (-1, 1)) if self.filters is None else scale)

    def _convolve(self, x, kernel):
        padding = self.padding
        if padding == "same_before":
            before = self.kernel_size // 2
            after = self.kernel_size - self.stride - before
            x = ops.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
            padding = "valid"
        convolve = ops.depthwise_conv if self.filters is None else ops.conv
        kernel = ops.cast(kernel, self.compute_dtype)
        return convolve(
            x, kernel, strides=self.stride, padding=padding, data_format="channels_last"
        )

    def call(self, x):
        kernel, bias = self.folded()
        return self._convolve(x, kernel) + ops.cast(bias, self.compute_dtype)


class ScaledConv(_KernelConv):
    """Convolution and a batch normalisation that keeps the statistics it was given.

    The scale does not train; kernel and shift do.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.shift = self._weight("shift", "zeros")
        self.scale = self._weight("scale", "ones", trainable=False)

    def folded(self):
        return self._scaled_kernel(self.scale), self.shift


class BatchNormConv(_KernelConv):
    """Convolution and a batch normalisation that learns its statistics while training.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.gamma = self._weight("gamma", "ones")
        self.beta = self._weight("beta", "zeros")
        self.moving_mean = self._weight("moving_mean", "zeros", trainable=False)
        self.moving_variance = self._weight("moving_variance", "ones", trainable=False)

    def folded(self):
        scale = self.gamma / ops.sqrt(self.moving_variance + EPSILON)
        return self._scaled_kernel(scale), self.beta - self.moving_mean * scale

    def call(self, x, training=False):
        if not training:
            return super().call(x)
        # The fused kernel: half the time of moments and normalisation as separate operations.
        y, mean, variance, *_ = tf.compat.v1.nn.fused_batch_norm(
            self._convolve(x, self.kernel),
            ops.convert_to_tensor(self.gamma),
            ops.convert_to_tensor(self.beta),
            epsilon=EPSILON,
            is_training=True,
        )
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(_MOMENTUM * moving + (1 - _MOMENTUM) * batch)
        return y


def initialise_kernels(network: keras.Model, *, seed: int) -> None:
    """Draw the kernels: normal, variance 2 / fan_in, from (seed, number of the layer)."""
    layers = [layer for layer in network.layers if isinstance(layer, _KernelConv)]
    for index, layer in enumerate(layers):
        random = np.random.default_rng([seed, index])
        kernel = random.normal(0, np.sqrt(2 / layer.fan_in), layer.kernel.shape)
        layer.kernel.assign(kernel.astype("float32"))
