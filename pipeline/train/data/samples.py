"""Training samples: the pixels of a crop and the label of each of its logits, in batches."""

import os
import threading
from dataclasses import dataclass, field

import cv2
import numpy as np
import tensorflow as tf

from pipeline.annotations.labels import IGNORED
from pipeline.config import TrainSettings
from pipeline.model.crop_shape import CropShape
from pipeline.preprocess.window import read_window
from pipeline.train.data.augmentation import STRETCH, Augmenter, View, plain_view
from pipeline.train.data.corpus import Corpus, TrainingImage
from pipeline.train.data.crops import place_crop, window_start
from pipeline.train.data.grey_on_device import StoredCrops, stored_crop, stored_spec


@dataclass(frozen=True)
class Sampler:
    """Makes sample number `index`; many threads may ask at once, in any order."""

    corpus: Corpus
    shape: CropShape
    train: TrainSettings
    _local: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def sample(self, index: int) -> tuple[np.ndarray | StoredCrops, np.ndarray]:
        """The sample of this index.

        Returns:
            image (size_px, size_px, 1) float32 in [0, 1], or StoredCrops with
            train.grey_on_device, and targets (cells, cells) int8.
        """
        placement = place_crop(
            self.corpus,
            self.shape,
            index,
            seed=self.train.seed,
            positive_share=self.train.positive_share,
            zoom=STRETCH if self.train.augment else 1.0,
            mined_share=self.train.mined_share,
        )
        image, size = self.corpus.images[placement.image], self.shape.size_px
        row0, col0 = window_start(placement.row, size), window_start(placement.col, size)

        def read(row: int, col: int, height: int, width: int) -> np.ndarray:
            of = image.height, image.width
            return read_window(image.store, row0 + row, col0 + col, height, width, image=of)

        if self.train.augment:
            if not hasattr(self._local, "augmenter"):
                draws_noise = not self.train.grey_on_device
                self._local.augmenter = Augmenter(size, draws_noise=draws_noise)
            view = self._local.augmenter.view(read, seed=placement.seed)
        else:
            view = plain_view(read, size)
        on_device = self.train.grey_on_device
        crop = stored_crop(view, seed=placement.seed) if on_device else view.image[..., None]
        return crop, view_targets(image, view, self.shape, row0=row0, col0=col0)


def view_targets(
    image: TrainingImage, view: View, shape: CropShape, *, row0: int, col0: int
) -> np.ndarray:
    """Label of each logit of a view whose crop starts at (row0, col0) of the image.

    Returns:
        (cells, cells) int8; ignored outside the breast and nearer to the edge than the margin.
    """
    rows, cols = np.meshgrid(shape.centres, shape.centres, indexing="ij")
    points = np.stack([rows, cols, np.ones_like(rows)])
    crop_rows, crop_cols = np.einsum("ij,jkl->ikl", view.to_crop, points)
    targets = image.targets(crop_rows + row0, crop_cols + col0)
    margin = shape.margin_cells
    inner = targets[margin : shape.cells - margin, margin : shape.cells - margin]
    return np.pad(inner, margin, constant_values=IGNORED)


def sample_spec(shape: CropShape, train: TrainSettings) -> tuple:
    """Shapes and types of what `Sampler.sample` gives."""
    side, cells = shape.size_px, shape.cells
    image = tf.TensorSpec((side, side, 1), tf.float32)
    crop = stored_spec(side) if train.grey_on_device else image
    return crop, tf.TensorSpec((cells, cells), tf.int8)


def crop_batches(
    sampler: Sampler,
    *,
    batch: int,
    first_step: int,
    steps: int,
    readers: int | None = None,
    context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Batches of steps first_step ... steps - 1; step s holds the samples s * batch + 0, 1, ...

    So the order does not depend on where a run was interrupted nor on the number of threads.

    Args:
        batch: crops per step, over all devices.
        readers: threads that cut crops; all cores if absent.
        context: which rows of a batch this process cuts, and how many devices share it; all rows
            for one device if absent.

    Returns:
        Dataset of images (n, H, W, 1) float32, or StoredCrops with train.grey_on_device, and
        targets (n, h, w) int8, n rows for each device of this process in turn.
    """
    context = context or tf.distribute.InputContext()
    own = batch // context.num_input_pipelines
    before = context.input_pipeline_id * own
    cv2.setNumThreads(1)  # the threads are in the map below
    spec = sample_spec(sampler.shape, sampler.train)
    flat = tf.nest.flatten(spec)

    def sample(number):
        step, row = divmod(int(number), own)
        return tf.nest.flatten(sampler.sample(step * batch + before + row))

    def cut(number):
        arrays = tf.numpy_function(sample, [number], [each.dtype for each in flat])
        shaped = [tf.ensure_shape(a, each.shape) for a, each in zip(arrays, flat, strict=True)]
        return tf.nest.pack_sequence_as(spec, shaped)

    threads = readers or len(os.sched_getaffinity(0))
    numbers = tf.data.Dataset.range(first_step * own, steps * own)
    crops = numbers.map(cut, num_parallel_calls=threads, deterministic=True)
    rows = batch // context.num_replicas_in_sync
    return crops.batch(rows, drop_remainder=True).prefetch(2)
