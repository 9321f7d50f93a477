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
    map_image,
    score_map,
    validation_auc,
    validation_loss,
)
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.progress import Line
from pipeline.run.signals import stop_request
from pipeline.run.stage import peak_memory_mib
from pipeline.run.words import duration
from pipeline.train.data.samples import Sampler, crop_batches
from pipeline.train.first_weights import ALONE, Member
from pipeline.train.loop.checkpoint import Best, Checkpoint, TrainingState, write_checkpoint
from pipeline.train.loop.device_errors import telling_lost_worker, telling_out_of_memory
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.pace import SECONDS_BETWEEN_REPORTS, Pace
from pipeline.train.loop.schedule import average_decay, learning_rate
from pipeline.train.loop.watched_maps import WatchedMaps

STEPS_TO_ESTIMATE = 4


@dataclass
class TrainingLoop:
    """Everything that a training needs; `run` brings `state` to its last step."""

    learner: Learner
    sampler: Sampler
    validation: list[ValidationImage]
    watched: WatchedMaps
    map_rule: MapRule
    train: TrainSettings
    state: TrainingState
    events: EventLog
    checkpoint: Path
    identity: dict[str, str]  # what the training was started with, kept in the checkpoint
    member: Member = ALONE  # of the ensemble that the network belongs to
    # whether this process validates, reports and keeps the checkpoint; of several that train
    # together one does
    writes: bool = True
    _unread: list[tf.Tensor] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.train.epochs * self.train.steps_per_epoch

    @property
    def share(self) -> int:
        """Crops of a batch that each device gets."""
        return self.train.batch // self.learner.strategy.num_replicas_in_sync

    def run(self) -> None:
        """Train to the end.

        Raises:
            SystemExit: a signal came in, with 128 + its number; the state is in the checkpoint.
            UserError: the loss is not a finite number any more.
            OutOfMemory: a device has too little memory for a step.
        """
        self._saved_at = self._counted_at = time.monotonic()
        self.pace = Pace(
            self.train, step=self.state.step, map_work=self.map_rule.work, member=self.member
        )
        with (
            stop_request() as self._request,
            Line(every_seconds=SECONDS_BETWEEN_REPORTS) as self._line,
            telling_lost_worker(self.learner.strategy),  # reading the batches may tell it, too
        ):
            if not self.state.step:
                self.watched.note_start(self.validation)
            self._validate_if_due()
            first = self.state.step
            for batch in self.batches():
                self._step(*batch)
                if self.writes:
                    self._tell(first)
                self._save_if_due()
                self._validate_if_due()

    def _tell(self, first: int) -> None:
        """Report now and then; the first steps tell how long the training will take."""
        taken = self.state.step - first
        if taken == 1:
            # The first step compiles; it would spoil the measured speed.
            self._read_losses()
            self.pace.restart(self.state.step)
        elif taken == STEPS_TO_ESTIMATE:
            self._estimate()
        elif self.pace.is_due() or self.state.step == self.steps:
            self._report()

    def batches(self):
        """The batches from the next step on, divided among the devices."""
        return self.learner.strategy.distribute_datasets_from_function(
            lambda context: crop_batches(
                self.sampler,
                batch=self.train.batch,
                first_step=self.state.step,
                steps=self.steps,
                readers=self.train.readers,
                context=context,
            )
        )

    def attempt(self, crops: int) -> None:
        """Take a step with so many crops at once on each device, and take it back.

        Raises:
            OutOfMemory: a device has too little memory for it.
        """
        self.learner.micro_batch = crops if crops < self.share else 0
        with self._telling_out_of_memory():
            self.learner.attempt(*next(iter(self.batches())))

    def _telling_out_of_memory(self):
        crops, size_px = self.learner.micro_batch or self.share, self.sampler.shape.size_px
        return telling_out_of_memory(self.train, crops=crops, size_px=size_px)

    def _step(self, images, targets) -> None:
        step = self.state.step
        decay = average_decay(step, decay=self.train.average)
        rate = self._rate(step)
        with self._telling_out_of_memory():
            result = self.learner.step(images, targets, step=step, rate=rate, decay=decay)
        if self.writes:
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
        pace, step = self.pace, self.state.step
        seconds = pace.report(step)
        if pace.validation_seconds is None:
            # A step is about three forward passes, forward and backward.
            crops = self.train.batch * self.sampler.shape.size_px**2
            pixels = sum(image.height * image.width for image in self.validation)
            pace.validation_seconds = seconds / 3 * pixels / crops
        later = self.member.count - self.member.number
        self._line.keep(
            f"{duration(pace.seconds_left(step) or 0)} left: {self.steps - step} steps of "
            f"{seconds:.2f} s, {pace.validations_left(step)} validations of "
            f"{duration(pace.validation_seconds)}, maps of those left out in "
            f"{duration(pace.ending_seconds())}"
            + (f", then {later} more network{'s' * (later > 1)}" * (later > 0))
        )

    def _report(self) -> None:
        self._read_losses()
        pace, step = self.pace, self.state.step
        loss = float(np.mean(self.state.losses[pace.step :] or self.state.losses[-1:]))
        rate, speed = self._rate(step - 1), self.train.batch / max(pace.report(step), 1e-6)
        self._show(f"step {step}/{self.steps}  loss {loss:.4f}  {speed:.0f} crops/s")
        values = {
            "train/loss": loss,
            "train/learning_rate": rate,
            "train/crops_per_second": speed,
            "train/memory_mib": peak_memory_mib(),
        }
        if tf.config.list_logical_devices("GPU"):
            used = tf.config.experimental.get_memory_info("GPU:0")["peak"]
            values["train/gpu_memory_mib"] = used / 2**20
        self.events.metrics(values, step=step)

    def _show(self, text: str, *, since: float = 0.0) -> None:
        """Show how far the training is, so many seconds after the last step."""
        member, step = self.member, self.state.step
        share = (member.number - 1 + step / self.steps) / member.count
        left = self.pace.seconds_left(step)
        self._line.show(f"{member.words}{text}", share=share, left=left and max(left - since, 0.0))

    def _validate_if_due(self) -> None:
        state = self.state
        if state.step == state.validated or state.step % self.train.steps_per_epoch:
            return
        if not self.writes:
            return
        started, resumed_at = time.monotonic(), len(state.pending)
        # One copy is enough to choose a checkpoint; the others come in at the end.
        mapper, rule = NetworkMapper(self.learner.averaged), self.map_rule.of_one_copy()
        for image in self.validation[resumed_at:]:
            mapped = map_image(mapper, image, rule)
            self.watched.note(mapped, rule, step=state.step)
            state.pending.append(score_map(mapped, rule))
            self._save_if_due()
            if self._line.is_due():
                done = f"validation: {len(state.pending)} of {len(self.validation)} mammograms"
                self._show(done, since=time.monotonic() - started)
        seconds = time.monotonic() - started
        if resumed_at == 0:
            self.pace.validation_seconds = seconds
        self._select(seconds)
        self.pace.pause(time.monotonic() - started)

    def _select(self, seconds: float) -> None:
        """Finish a validation: note it, and keep the weights if they are the best."""
        self._read_losses()
        self._count_time()
        state, best, step = self.state, self.state.best, self.state.step
        labels, logits = join_labels(self.validation), join_logits(state.pending)
        auc, loss = validation_auc(labels, logits), validation_loss(labels, logits)
        is_best = best is None or auc is None or (best.auc is not None and auc > best.auc)
        if is_best:
            weights = {n: w.copy() for n, w in weights_of(self.learner.averaged).items()}
            state.best = Best(step, auc, loss, weights)
        state.pending, state.validated = [], step
        train_loss = float(np.mean(state.losses[-self.train.steps_per_epoch :]))
        row = {
            "epoch": step // self.train.steps_per_epoch,
            "step": step,
            "train_loss": train_loss,
            "validation_loss": loss,
            "validation_auc": auc,
            "learning_rate": self._rate(step - 1),
            "seconds": state.seconds,
        }
        state.history.append(row)
        values = {"val/auc": auc, "val/loss": loss, "train/epoch_loss": train_loss}
        self.events.metrics({k: v for k, v in values.items() if v is not None}, step=step)
        figures = "no AUC (a class is missing)" if auc is None else f"AUC {auc:.4f}"
        figures += "" if loss is None else f", loss {loss:.4f}"
        self._line.keep(
            f"{self.member.words}epoch {row['epoch']}/{self.train.epochs}: training loss "
            f"{train_loss:.4f}; validation {figures}{' (best so far)' if is_best else ''}, "
            f"{len(self.validation)} mammograms in {duration(seconds)}"
        )

    def _save_if_due(self) -> None:
        if self._request.signal:
            if self.writes:
                self._save()
            self._line.keep(
                f"Stopped at step {self.state.step} of {self.steps}; the same command continues."
            )
            raise SystemExit(128 + self._request.signal)
        if self.writes and time.monotonic() - self._saved_at >= self.train.checkpoint_seconds:
            self._save()

    def _save(self) -> None:
        self._read_losses()
        self._count_time()
        whole = Checkpoint(self.state, self.learner.state(), self.identity)
        write_checkpoint(self.checkpoint, whole)
        self._saved_at = time.monotonic()

    def _count_time(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self._counted_at
        self._counted_at = now
