"""Names of the files in a run folder, each defined here and nowhere else."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """Paths below one run folder. Creates nothing."""

    root: Path

    # settings
    def stage_settings(self, stage: str) -> Path:
        return self.root / "settings" / f"{stage}.yaml"

    @property
    def remembered(self) -> Path:
        """CONFIG, SET, MODEL and INPUT of this run."""
        return self.root / "settings" / "run.yaml"

    # ingest
    @property
    def images_table(self) -> Path:
        return self.root / "catalog" / "images.csv"

    @property
    def findings_table(self) -> Path:
        return self.root / "catalog" / "findings.csv"

    @property
    def files_table(self) -> Path:
        return self.root / "catalog" / "files.csv"

    @property
    def catalog(self) -> Path:
        """Written last by ingest, and only when the catalog changed."""
        return self.root / "catalog" / "catalog.json"

    # preprocess
    @property
    def intake(self) -> Path:
        return self.root / "intake.csv"

    @property
    def intake_page(self) -> Path:
        return self.root / "intake.html"

    @property
    def intake_summary(self) -> Path:
        """Written last by what reads the files."""
        return self.root / "intake.json"

    def breast(self, image_id: str) -> Path:
        """The breast as 0 and 255, in rows and columns of the original image."""
        return self.root / "breast" / f"{image_id}.png"

    @property
    def breast_entries(self) -> Path:
        """The entry of the store that each picture of the breast was made from."""
        return self.root / "breast" / "entries.json"

    @property
    def audit(self) -> Path:
        """What the audits of the data found."""
        return self.root / "audit.json"

    @property
    def mammograms(self) -> Path:
        return self.root / "mammograms.csv"

    @property
    def outlines(self) -> Path:
        return self.root / "outlines.json"

    @property
    def positions(self) -> Path:
        return self.root / "positions.parquet"

    @property
    def contact_sheet(self) -> Path:
        return self.root / "contact-sheet.png"

    @property
    def preprocess_summary(self) -> Path:
        """Written last by preprocess."""
        return self.root / "preprocess.json"

    # train
    @property
    def training(self) -> Path:
        """The unfinished training: checkpoint and history."""
        return self.root / "training"

    @property
    def model(self) -> Path:
        return self.root / "model"

    def member(self, number: int) -> "RunFolder":
        """The training of one network of an ensemble, from 1."""
        return RunFolder(self.root / "members" / str(number))

    @property
    def set_aside(self) -> Path:
        """Finished trainings that a later one replaced."""
        return self.root / "set-aside"

    # heatmap
    @property
    def heatmaps(self) -> Path:
        return self.root / "heatmaps"

    def heatmap(self, image_id: str) -> Path:
        return self.heatmaps / f"{image_id}.npz"

    @property
    def overlays(self) -> Path:
        return self.root / "overlays"

    def overlay(self, image_id: str) -> Path:
        return self.overlays / f"{image_id}.png"

    @property
    def uncertainty(self) -> Path:
        return self.root / "uncertainty"

    def uncertainty_picture(self, image_id: str) -> Path:
        """How far the copies of a map differ; absent where there is one."""
        return self.uncertainty / f"{image_id}.png"

    @property
    def regions(self) -> Path:
        return self.root / "regions.csv"

    @property
    def candidates(self) -> Path:
        return self.root / "candidates.csv"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions.parquet"

    @property
    def images(self) -> Path:
        return self.root / "images.csv"

    @property
    def heatmap_summary(self) -> Path:
        """Written last by heatmap, before the report."""
        return self.root / "heatmap.json"

    # evaluate and report
    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"

    @property
    def plots(self) -> Path:
        return self.root / "plots"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def model_card(self) -> Path:
        """What the model is, what is known about it and what is not, in Markdown."""
        return self.root / "model-card.md"

    # studies
    def fold(self, number: int) -> "RunFolder":
        """The run of one fold of a cross-validation, from 1."""
        return RunFolder(self.root / "folds" / str(number))

    @property
    def folds(self) -> "RunFolder":
        """Where a cross-validation leaves the networks of all folds as one model.

        Not in the run's own place: a run's model must not have seen its test patients.
        """
        return RunFolder(self.root / "folds")

    @property
    def study(self) -> "RunFolder | None":
        """The run folder of the study that this run is a part of, if it is."""
        if self.root.name == "mined":
            return RunFolder(self.root.parent)
        in_study = self.root.parent.name in ("folds", "heads", "ablation", "controls")
        return RunFolder(self.root.parents[1]) if in_study else None

    @property
    def title(self) -> str:
        """What readers know the run by: `mias`, and `mias/folds/1` for a part of a study."""
        whole = self.root.parent if self.root.name == "folds" else self.study and self.study.root
        return f"{whole.name}/{self.root.relative_to(whole)}" if whole else self.root.name

    @property
    def mined_table(self) -> Path:
        """The worst false alarms of the model on its training patients."""
        return self.root / "mined.csv"

    @property
    def mined(self) -> "RunFolder":
        """The run that goes on from this one with its false alarms."""
        return RunFolder(self.root / "mined")

    def head(self, arm: str, seed: int) -> "RunFolder":
        """The run of one head and seed of the comparison of heads."""
        return RunFolder(self.root / "heads" / f"{arm}-{seed}")

    @property
    def heads(self) -> Path:
        return self.root / "heads.json"

    def ablated(self, variant: str, seed: int) -> "RunFolder":
        """The training of one variant and seed of the ablation."""
        return RunFolder(self.root / "ablation" / f"{variant.replace(' ', '-')}-{seed}")

    @property
    def ablation(self) -> Path:
        return self.root / "ablation.json"

    @property
    def heads_page(self) -> Path:
        return self.root / "heads.html"

    def control(self, name: str) -> "RunFolder":
        """The run of one of the controls."""
        return RunFolder(self.root / "controls" / name)

    @property
    def controls(self) -> Path:
        """What must hold whatever the network is worth, and whether it does."""
        return self.root / "controls.json"

    @property
    def site_calibration(self) -> Path:
        """What a calibration on the patients of this run brought; written last by it."""
        return self.root / "calibrate.json"

    @property
    def crossval(self) -> Path:
        return self.root / "crossval.json"

    @property
    def crossval_page(self) -> Path:
        return self.root / "crossval.html"

    @property
    def crossval_plots(self) -> Path:
        return self.root / "crossval"

    # tracking
    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def tracking_state(self) -> Path:
        return self.root / "tracking.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"
