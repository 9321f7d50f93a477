"""The training loop: steps, validation at the end of each epoch, checkpoints."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from models.saved import weights_of
from pipeline.config import TrainSettings
from pipeline.model.image_map import NetworkMapper
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import (
    ValidationImage,
    join_labels,
    join_logits,
    score_images,
    validation_auc,
    validation_loss,
)
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.progress import Line
from pipeline.run.stage import peak_memory_mib
from pipeline.run.words import duration
from pipeline.train.data.samples import Sampler, crop_batches
from pipeline.train.loop.checkpoint import Best, Checkpoint, TrainingState, write_checkpoint
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.pace import Pace
from pipeline.train.loop.schedule import average_decay, learning_rate
from pipeline.train.loop.stopping import StopRequest

STEPS_TO_ESTIMATE = 4


class Stopped(Exception):
    """A signal asked to stop; the checkpoint is written."""


@dataclass
class TrainingLoop:
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
    identity: dict[str, str]
    request: StopRequest
    _unread: list[tf.Tensor] = field(default_factory=list)

    def run(self) -> None:
        """Train to the end.

        Raises:
            Stopped: a signal came in; the state is in the checkpoint.
            UserError: the loss is not a finite number any more.
        """
        self._saved_at = self._counted_at = time.monotonic()
        self._pace = Pace(
            steps=self.steps, steps_per_epoch=self.train.steps_per_epoch, step=self.state.step
        )
        with Line() as self._line:
            self._run()

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
                self._pace.restart(self.state.step)
            elif taken == STEPS_TO_ESTIMATE:
                self._estimate()
            elif self._pace.is_due() or self.state.step == self.steps:
                self._report()
            self._save_if_due()
            self._validate_if_due()

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

    def _rate(self, step: int) -> float:
        return learning_rate(
            step,
            peak=self.train.learning_rate,
            warmup_steps=self.train.warmup_steps,
            steps=self.steps,
            final=self.train.final_rate,
        )

    def _read_losses(self) -> None:
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

    def _estimate(self) -> None:
        """Say how long the training will take, from its first steps."""
        self._read_losses()
        pace, state = self._pace, self.state
        seconds = pace.step_seconds(state.step)
        if pace.validation_seconds is None:
            # A step is about three forward passes, forward and backward.
            crops = self.train.batch * self.sampler.shape.size_px**2
            pixels = sum(image.height * image.width for image in self.validation)
            pace.validation_seconds = seconds / 3 * pixels / crops
        left = pace.seconds_left(state.step, validated=state.validated)
        self._line.keep(
            f"Estimate: {duration(left)} for {self.steps - state.step} steps of {seconds:.2f} s "
            f"and {pace.validations_left(state.validated)} validations of "
            f"{duration(pace.validation_seconds)}."
        )

    def _report(self) -> None:
        self._read_losses()
        pace, step = self._pace, self.state.step
        loss = float(np.mean(self.state.losses[pace.step :] or self.state.losses[-1:]))
        rate, speed = self._rate(step - 1), self.train.batch / max(pace.step_seconds(step), 1e-6)
        left = pace.seconds_left(step, validated=self.state.validated)
        self._line.show(
            f"step {step}/{self.steps}  loss {loss:.4f}  rate {rate:.1e}  "
            f"{speed:.1f} crops/s  {duration(left)} left"
        )
        pace.restart(step)
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
        mapper, rule = NetworkMapper(self.learner.averaged), self.map_rule.of_one_copy()
        for score in score_images(mapper, self.validation, rule, done=resumed_at):
            state.pending.append(score)
            self._save_if_due()
        seconds = time.monotonic() - started
        if resumed_at == 0:
            self._pace.validation_seconds = seconds
        self._select(seconds)
        self._pace.pause(time.monotonic() - started)

    def _select(self, seconds: float) -> None:
        """Finish a validation: note it, and keep the weights if they are the best."""
        state = self.state
        labels, logits = join_labels(self.validation), join_logits(state.pending)
        auc, loss = validation_auc(labels, logits), validation_loss(labels, logits)
        best = state.best
        is_best = best is None or auc is None or (best.auc is not None and auc > best.auc)
        if is_best:
            weights = {n: w.copy() for n, w in weights_of(self.learner.averaged).items()}
            state.best = Best(state.step, auc, loss, weights, state.pending)
        state.pending, state.validated = [], state.step
        self._note_epoch(auc, loss, seconds, is_best=is_best)

    def _note_epoch(
        self, auc: float | None, loss: float | None, seconds: float, *, is_best: bool
    ) -> None:
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
        figures = "no AUC (a class is missing)" if auc is None else f"AUC {auc:.4f}"
        figures += "" if loss is None else f", loss {loss:.4f}"
        self._line.keep(
            f"epoch {epoch}/{self.train.epochs}: training loss {train_loss:.4f}; validation "
            f"{figures}{' (best so far)' if is_best else ''}, {len(self.validation)} mammograms "
            f"in {duration(seconds)}"
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
            self.checkpoint, Checkpoint(self.state, self.learner.state(), self.identity)
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
