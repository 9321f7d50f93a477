"""Names of the files in a run folder, each defined here and nowhere else."""

from dataclasses import dataclass
from pathlib import Path

# In a model folder; pipeline/model/card.py reads and writes it.
MODEL_FILE = "model.json"
# Folders of a run that hold runs of their own, the parts of a study.
_STUDIES = ("folds", "heads", "ablation", "controls")


class _Below:
    """A path below the run folder."""

    def __init__(self, path: str):
        self._path = path

    def __get__(self, run: "RunFolder", owner: type) -> Path:
        return run.root / self._path


@dataclass(frozen=True)
class RunFolder:
    """Paths below one run folder. Creates nothing."""

    root: Path

    # settings
    remembered = _Below("settings/run.yaml")  # CONFIG, SET, MODEL and INPUT of this run
    borrowed_model = _Below("settings/borrowed-model.yaml")  # there only where MODEL is named

    # ingest
    images_table = _Below("catalog/images.csv")
    findings_table = _Below("catalog/findings.csv")
    files_table = _Below("catalog/files.csv")
    split_table = _Below("catalog/split.csv")  # the user's own split; absent where there is none
    catalog = _Below("catalog/catalog.json")  # written last, only when the catalog changed

    # intake
    intake = _Below("intake.csv")
    intake_page = _Below("intake.html")
    breast_folder = _Below("breast")
    breast_entries = _Below("breast/entries.json")  # what each picture of the breast is made from
    audit = _Below("audit.json")  # what the audits of the data found
    intake_summary = _Below("intake.json")  # written last

    # preprocess
    mammograms = _Below("mammograms.csv")
    outlines = _Below("outlines.json")
    positions = _Below("positions.parquet")
    contact_sheet = _Below("contact-sheet.png")
    preprocess_summary = _Below("preprocess.json")  # written last

    # train
    training = _Below("training")  # the unfinished training: checkpoint and history
    model = _Below("model")
    model_file = _Below(f"model/{MODEL_FILE}")  # written last
    left_out_maps = _Below("left-out-maps.npz")  # of the women that a network did not train on
    watched_maps = _Below("watched-maps")  # of a few validation mammograms, after each epoch
    set_aside = _Below("set-aside")  # finished trainings that a later one replaced

    # heatmap
    heatmaps = _Below("heatmaps")
    overlays = _Below("overlays")
    uncertainty = _Below("uncertainty")
    viewer = _Below("viewer")  # what the report shows of each mammogram
    regions = _Below("regions.csv")
    candidates = _Below("candidates.csv")
    predictions = _Below("predictions.parquet")
    images = _Below("images.csv")
    heatmap_summary = _Below("heatmap.json")  # written last

    # export-dicom
    dicom = _Below("dicom")

    # export-model
    export = _Below("export")

    # evaluate and report
    metrics = _Below("metrics.json")
    lesions = _Below("lesions.csv")
    plots = _Below("plots")
    report = _Below("report.html")
    report_pages = _Below("report")  # more mammograms than one page holds
    paper = _Below("paper")  # what a manuscript takes over
    model_card = _Below("model-card.md")  # the model in words: what is known and what is not

    # studies
    mined_table = _Below("mined.csv")  # the worst false alarms on training patients
    heads = _Below("heads.json")
    heads_page = _Below("heads.html")
    ablation = _Below("ablation.json")
    controls = _Below("controls.json")
    robustness = _Below("robustness.json")
    bench = _Below("bench.json")  # of make bench, for no run in particular
    site_calibration = _Below("calibrate.json")  # written last by calibrate
    crossval = _Below("crossval.json")
    crossval_page = _Below("crossval.html")
    crossval_plots = _Below("crossval")

    # tracking
    events = _Below("events.jsonl")
    tracking_state = _Below("tracking.json")
    lock = _Below("lock")

    def stage_settings(self, stage: str) -> Path:
        return self.root / "settings" / f"{stage}.yaml"

    def manifest(self, stage: str) -> Path:
        """Checksums of what a stage left."""
        return self.root / "manifest" / f"{stage}.json"

    def breast(self, image_id: str) -> Path:
        """The breast as 0 and 255, in rows and columns of the original image."""
        return self.breast_folder / f"{image_id}.png"

    def heatmap(self, image_id: str) -> Path:
        return self.heatmaps / f"{image_id}.npz"

    def overlay(self, image_id: str) -> Path:
        return self.overlays / f"{image_id}.png"

    def viewer_entry(self, image_id: str) -> Path:
        return self.viewer / f"{image_id}.json"

    def uncertainty_picture(self, image_id: str) -> Path:
        """How far the copies of a map differ; absent where there is one."""
        return self.uncertainty / f"{image_id}.png"

    def member(self, number: int) -> "RunFolder":
        """The training of one network of an ensemble, from 1."""
        return RunFolder(self.root / "members" / str(number))

    def fold(self, number: int) -> "RunFolder":
        """The run of one fold of a cross-validation, from 1."""
        return RunFolder(self.root / "folds" / str(number))

    @property
    def folds(self) -> "RunFolder":
        """Where a cross-validation leaves the networks of all folds as one model.

        Not in the run's own place: a run's model must not have seen its test patients.
        """
        return RunFolder(self.root / "folds")

    def variant(self, study: str, name: str, seed: int) -> "RunFolder":
        """The run of one variant and seed of the ablation or of the comparison of heads."""
        return RunFolder(self.root / study / f"{name.replace(' ', '-')}-{seed}")

    def control(self, name: str) -> "RunFolder":
        """The run of one of the controls."""
        return RunFolder(self.root / "controls" / name)

    def changed(self, name: str) -> "RunFolder":
        """The test mammograms of this run changed in one of the ways of the study of robustness."""
        return RunFolder(self.root / "robustness" / name.replace(" ", "-"))

    @property
    def mined(self) -> "RunFolder":
        """The run that goes on from this one with its false alarms."""
        return RunFolder(self.root / "mined")

    @property
    def parts(self) -> "list[RunFolder]":
        """The runs of all studies on this run that have logged something, in order of name."""
        folders = [self.mined.root, *(f for s in _STUDIES for f in (self.root / s).glob("*"))]
        runs = (RunFolder(folder) for folder in sorted(folders))
        return [run for run in runs if run.events.is_file()]

    @property
    def study(self) -> "RunFolder | None":
        """The run folder of the study that this run is a part of, if it is."""
        if self.root.name == "mined":
            return RunFolder(self.root.parent)
        return RunFolder(self.root.parents[1]) if self.root.parent.name in _STUDIES else None

    @property
    def title(self) -> str:
        """What readers know the run by: `mias`, and `mias/folds/1` for a part of a study."""
        whole = self.root.parent if self.root.name == "folds" else self.study and self.study.root
        return f"{whole.name}/{self.root.relative_to(whole)}" if whole else self.root.name
