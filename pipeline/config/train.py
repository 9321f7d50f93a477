"""Settings of the train stage: the network and how it is trained."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.config.backbones import known_backbone, known_weights
from pipeline.config.section import Section


class NetworkSettings(Section):
    """The network: an image in, one logit per position out."""

    backbone: Annotated[str, AfterValidator(known_backbone)] = Field(
        "valid",
        description="valid: unpadded convolutions; efficientnet_lite0, or a network of "
        "keras.applications such as ResNet50V2, DenseNet121, EfficientNetV2B0 or ConvNeXtTiny: up "
        "to stride 16",
    )
    weights: Annotated[str, AfterValidator(known_weights)] = Field(
        "none",
        description="start of the backbone; imagenet: not for valid, Keras downloads those of its "
        "applications; or a file of them without their top (.weights.h5, .h5). Unless none, batch "
        "normalisations stay as they are",
    )
    patch_mm: float = Field(
        12.8, gt=0, description="side of the window that a position sees, in mm"
    )
    core_mm: float = Field(
        0.0,
        ge=0,
        description="side of the middle of that window, in mm, whose own mean the last layer sees "
        "beside that of the whole window; 0: none",
    )
    width: int = Field(16, ge=4, description="channels of the first layer of backbone valid")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout before the logit")
    head: Literal["sigmoid", "softmax", "softmax_kinds", "sigmoid_kinds"] = Field(
        "sigmoid",
        description="the last layer: one sigmoid; for comparison two softmax units, a softmax over "
        "normal and the kinds of findings, or a sigmoid for each kind",
    )
    head_start: Literal["glorot", "softmax"] = Field(
        "glorot", description="first weights of the head; softmax: as the difference of two units"
    )

    def patch_px(self, *, spacing_mm: float) -> int:
        """Side of the window in whole pixels, even."""
        return 2 * round(self.patch_mm / spacing_mm / 2)

    def core_px(self, *, spacing_mm: float) -> int:
        """Side of its middle in whole pixels, even."""
        return 2 * round(self.core_mm / spacing_mm / 2)


class TrainSettings(Section):
    """The training loop."""

    epochs: int = Field(8, ge=1, description="number of epochs; each ends with a validation")
    steps_per_epoch: int = Field(50, ge=1, description="training steps in an epoch")
    batch: int = Field(8, ge=1, description="crops per step, over all devices")
    micro_batch: Literal["auto"] | Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="crops that a device computes at once, at least 1; gradients are added up over "
        "the batch, so the training stays the same. auto: the most that fit in memory, found by "
        "trying the step, and fewer when memory runs out later; all at once if absent",
    )
    recompute: bool = Field(
        False,
        description="compute the backbone's maps again for the gradients instead of keeping them: "
        "a third more time, a fraction of the memory, the same training",
    )
    devices: Literal["all", "one", "workers"] = Field(
        "all",
        description="all: the GPUs of this machine share each batch; one: the first GPU, or the "
        "processor; workers: the processes that TF_CONFIG names share it, on any machines",
    )
    crop_mm: float = Field(51.2, gt=0, description="side of a training crop, in mm")
    positive_share: float = Field(
        0.5, gt=0, lt=1, description="share of crops placed around a finding"
    )
    balance: Literal["lesions", "kinds", "sets"] = Field(
        "lesions",
        description="what crops are drawn from alike: lesions, kinds of findings, or data sets "
        "(those without finding too)",
    )
    frozen_layers: int = Field(
        0, ge=0, description="first convolutions of the backbone that stay as they are"
    )
    learning_rate: float = Field(
        3e-4, gt=0, description="peak rate of AdamW; then half a cosine to train.final_rate of it"
    )
    backbone_rate: float = Field(1.0, ge=0, description="factor on the rate of the backbone")
    head_rate: float = Field(1.0, gt=0, description="factor on the rate of the head")
    head_decay: float = Field(1.0, ge=0, description="factor on the weight decay of the head")
    warmup_steps: int = Field(50, ge=0, description="steps of linear warm-up")
    final_rate: float = Field(
        0.0, ge=0, le=1, description="rate of the last step as a share of the highest rate"
    )
    weight_decay: float = Field(1e-4, ge=0, description="decoupled weight decay of AdamW")
    average: float = Field(
        0.99, ge=0, lt=1, description="decay of the running average of the weights; 0: none"
    )
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradient of all weights")
    augment: bool = Field(
        True, description="flips, rotations, scale, shear, noise, blur and contrast on crops"
    )
    grey_on_device: bool = Field(
        False,
        description="noise, blur, contrast and gamma of crops are done by the device that trains, "
        "which draws the noise itself: less work for the cores that cut crops, half the transfer; "
        "for GPUs that wait for their data",
    )
    seed: int = Field(
        0,
        ge=0,
        description="seed of weights, crops, augmentation and dropout; network n of an ensemble "
        "takes the seed `seed * members + n - 1`, so two seeds share no network",
    )
    members: int = Field(
        1,
        ge=1,
        description="networks whose mean is the model, SEEDS=4 for short; from two on the "
        "women of training and validation are one, each network leaves out another part of them, "
        "and calibration and threshold rest on all",
    )
    deterministic: bool = Field(False, description="the same bits every time, at some cost")
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto",
        description="auto: the fastest safe one: float32 on CPUs, a mixed one on GPUs that have it",
    )
    checkpoint_seconds: int = Field(
        45, ge=1, le=60, description="longest time between two checkpoints, in s"
    )
    init: Path | None = Field(None, description="run or model folder to fine-tune from")
    mined: Path | None = Field(
        None, description="table of false alarms to train on more often; make mine writes it"
    )
    mined_share: float = Field(
        0.5, ge=0, le=1, description="share of the crops without finding that are near one of them"
    )
    permute_labels: bool = Field(
        False, description="control: labels permuted among the positions of each image"
    )
    readers: int | None = Field(
        None, ge=1, description="threads that cut crops; all cores if absent"
    )
    fp_per_image: float = Field(
        1.0, gt=0, description="false alarms per mammogram that the region threshold is set for"
    )
