"""The training loop: steps, validation at the end of each epoch, checkpoints."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from models.dense import logit_map
from models.saved import weights_of
from pipeline.config import TrainSettings
from pipeline.model.validation import (
    ImageScores,
    MapRule,
    ValidationImage,
    join_labels,
    join_logits,
    score_images,
    validation_auc,
    validation_loss,
)
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.stage import peak_memory_mib
from pipeline.run.words import duration
from pipeline.train.batches import crop_batches
from pipeline.train.checkpoint import write_checkpoint
from pipeline.train.learner import Learner
from pipeline.train.progress import Progress
from pipeline.train.samples import Sampler
from pipeline.train.schedule import average_decay, learning_rate
from pipeline.train.state import Best, TrainingState, to_checkpoint
from pipeline.train.stopping import StopRequest

STEPS_TO_ESTIMATE = 4


class Stopped(Exception):
    """A signal asked to stop; the checkpoint is written."""


@dataclass
class Loop:
    """Everything that a training needs; `run` brings `state` to its last step.

    Attributes:
        identity: what the training was started with, kept in the checkpoint.
    """

    learner: Learner
    strategy: tf.distribute.Strategy
    sampler: Sampler
    validation: list[ValidationImage]
    map_rule: MapRule
    train: TrainSettings
    state: TrainingState
    events: EventLog
    checkpoint: Path
    identity: dict
    request: StopRequest
    _unread: list[tf.Tensor] = field(default_factory=list)
    _paused: float = 0.0
    _validation_seconds: float | None = None

    def run(self) -> None:
        """Train to the end.

        Raises:
            Stopped: a signal came in; the state is in the checkpoint.
            UserError: the loss is not a finite number any more.
        """
        self._saved_at = self._counted_at = time.monotonic()
        self._progress = Progress(
            steps=self.steps, batch=self.train.batch, first_step=self.state.step
        )
        try:
            self._run()
        finally:
            self._progress.close()

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.train.epochs * self.train.steps_per_epoch

    def _run(self) -> None:
        self._validate_if_due()
        first = self.state.step
        dataset = crop_batches(
            self.sampler,
            batch=self.train.batch,
            first_step=first,
            steps=self.steps,
            readers=self.train.readers,
        )
        for images, targets in self.strategy.experimental_distribute_dataset(dataset):
            self._step(images, targets)
            taken = self.state.step - first
            if taken == 1:
                # The first step compiles; it would spoil the measured speed.
                self._read_losses()
                self._progress.restart(self.state.step)
            elif taken == STEPS_TO_ESTIMATE:
                self._estimate()
            elif self._progress.due() or self.state.step == self.steps:
                self._report()
            self._save_if_due()
            self._validate_if_due()

    def _estimate(self) -> None:
        """Say how long the training will take, from its first steps."""
        self._read_losses()
        seconds = self._progress.step_seconds(self.state.step, paused=self._paused)
        if self._validation_seconds is None:
            # A step is about three forward passes, forward and backward.
            crops = self.train.batch * self.sampler.shape.size_px**2
            pixels = sum(image.height * image.width for image in self.validation)
            self._validation_seconds = seconds / 3 * pixels / crops
        left = self.steps - self.state.step
        total = left * seconds + self._coming_validations()
        self._progress.say(
            f"Estimate: {duration(total)} for {left} steps of {seconds:.2f} s and "
            f"{self._validations_left()} validations of {duration(self._validation_seconds)}."
        )

    def _validations_left(self) -> int:
        return self.train.epochs - self.state.validated // self.train.steps_per_epoch

    def _coming_validations(self) -> float:
        return self._validations_left() * (self._validation_seconds or 0.0)

    def _rate(self, step: int) -> float:
        return learning_rate(
            step,
            peak=self.train.learning_rate,
            warmup_steps=self.train.warmup_steps,
            steps=self.steps,
            final=self.train.final_rate,
        )

    def _step(self, images, targets) -> None:
        step = self.state.step
        result = self.learner.step(
            images,
            targets,
            step=step,
            rate=self._rate(step),
            decay=average_decay(step, decay=self.train.average),
        )
        self._unread.append(result.loss)
        self.state.step = step + 1

    def _read_losses(self) -> list[float]:
        # Asking for a loss waits for the device, so they are collected.
        losses = [float(loss) for loss in self._unread]
        self._unread.clear()
        self.state.losses += losses
        if not all(math.isfinite(loss) for loss in losses):
            raise UserError(
                f"The loss is not a finite number before step {self.state.step}. Take a smaller "
                f"train.learning_rate than {self.train.learning_rate:g}, or "
                "train.precision=float32. The last checkpoint is from before."
            )
        return losses

    def _report(self) -> None:
        self._read_losses()
        step, paused = self.state.step, self._paused
        self._paused = 0.0
        shown = self.state.losses[self._progress.shown_step :] or self.state.losses[-1:]
        loss, rate = float(np.mean(shown)), self._rate(step - 1)
        speed = self._progress.step(
            step, loss=loss, rate=rate, paused=paused, validations=self._coming_validations()
        )
        self.events.metrics(
            {
                "train/loss": loss,
                "train/learning_rate": rate,
                "train/crops_per_second": speed,
                "train/memory_mib": peak_memory_mib(),
                **_gpu_memory(),
            },
            step=step,
        )

    def _validate_if_due(self) -> None:
        state = self.state
        if state.step == state.validated or state.step % self.train.steps_per_epoch:
            return
        started, resumed_at = time.monotonic(), len(state.pending)
        # One copy is enough to choose a checkpoint; the others come in at the end.
        for score in self.score_validation(all_copies=False, done=resumed_at):
            state.pending.append(score)
            self._save_if_due()
        seconds = time.monotonic() - started
        if resumed_at == 0:
            self._validation_seconds = seconds
        self._select(seconds)
        self._paused += time.monotonic() - started

    def score_validation(self, *, all_copies: bool, done: int = 0) -> Iterator[ImageScores]:
        """Scores of validation[done:] by the averaged weights.

        Args:
            all_copies: on the mean over mirrored and enlarged copies, as users' maps are.
        """
        rule = self.map_rule
        copies = {"flips": rule.flips, "zooms": rule.zooms} if all_copies else {}
        return score_images(
            lambda pixels: logit_map(
                self.learner.averaged, pixels, pitch_px=rule.pitch_px, **copies
            ),
            self.validation,
            self.map_rule,
            done=done,
        )

    def _select(self, seconds: float) -> None:
        """Finish a validation: note it, and keep the weights if they are the best."""
        state = self.state
        labels, logits = join_labels(self.validation), join_logits(state.pending)
        auc, loss = validation_auc(labels, logits), validation_loss(labels, logits)
        best = state.best
        if best is None or auc is None or (best.auc is not None and auc > best.auc):
            weights = {n: w.copy() for n, w in weights_of(self.learner.averaged).items()}
            state.best = Best(state.step, auc, loss, weights, state.pending)
        state.pending, state.validated = [], state.step
        self._note_epoch(auc, loss, seconds)

    def _note_epoch(self, auc: float | None, loss: float | None, seconds: float) -> None:
        self._read_losses()
        state = self.state
        epoch = state.step // self.train.steps_per_epoch
        train_loss = float(np.mean(state.losses[-self.train.steps_per_epoch :]))
        self._count_time()
        state.history.append(
            {
                "epoch": epoch,
                "step": state.step,
                "train_loss": train_loss,
                "validation_loss": loss,
                "validation_auc": auc,
                "learning_rate": self._rate(state.step - 1),
                "seconds": state.seconds,
            }
        )
        known = {"val/auc": auc, "val/loss": loss, "train/epoch_loss": train_loss}
        self.events.metrics({k: v for k, v in known.items() if v is not None}, step=state.step)
        shown = "no AUC (a class is missing)" if auc is None else f"AUC {auc:.4f}"
        shown += "" if loss is None else f", loss {loss:.4f}"
        best = " (best so far)" if state.best.step == state.step else ""
        self._progress.say(
            f"epoch {epoch}/{self.train.epochs}: training loss {train_loss:.4f}; validation "
            f"{shown}{best}, {len(self.validation)} mammograms in {duration(seconds)}"
        )

    def _save_if_due(self) -> None:
        late = time.monotonic() - self._saved_at >= self.train.checkpoint_seconds
        if self.request.signal or late:
            self.save()
        if self.request.signal:
            raise Stopped

    def save(self) -> None:
        """Write the checkpoint."""
        self._read_losses()
        self._count_time()
        write_checkpoint(
            self.checkpoint, to_checkpoint(self.state, self.learner.state(), self.identity)
        )
        self._saved_at = time.monotonic()

    def _count_time(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self._counted_at
        self._counted_at = now


def _gpu_memory() -> dict[str, float]:
    if not tf.config.list_logical_devices("GPU"):
        return {}
    return {"train/gpu_memory_mib": tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20}
