"""What the run of MLflow of a whole run folder shows: figures, data, and a note."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

from pipeline.figures.registry import headline_metrics
from pipeline.pages.template import render_markdown
from pipeline.run.atomic import read_json
from pipeline.run.graph import needed_for
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import CLASSIC
from pipeline.tracking.configurations import Configuration

TEMPLATE = Path(__file__).parent / "note.md"
# Pages and tables that are about all of it, and lie beside each other there.
OF_THE_RUN = (
    *("report.html", "model-card.md", "metrics.json", "regions.csv", "intake.html"),
    *("crossval.html", "heads.html"),
)
DIGEST_LENGTH = 36  # what MLflow keeps of a fingerprint


@dataclass(frozen=True)
class Overview:
    """Of one configuration of a run folder."""

    run: RunFolder
    configuration: Configuration

    def metrics(self) -> list[Metric]:
        """The headline figures, each with the ends of its interval, and how many were there."""
        flat: dict[str, float | None] = {**self._counts()}
        for name, _, figure in self._figures():
            flat |= {name: figure["value"], f"interval/{name}/low": figure["low"]}
            flat[f"interval/{name}/high"] = figure["high"]
        end_ms = self.configuration.attempts[-1].end_ms
        return [Metric(name, v, end_ms, 0) for name, v in flat.items() if v is not None]

    def dataset(self) -> DatasetInput | None:
        """The catalog as MLflow's data set; None where there is none yet."""
        found = next(filter(Path.is_file, (self.run.catalog, self.run.fold(1).catalog)), None)
        if found is None:
            return None
        catalog = read_json(found)
        numbers = ("patients", "images", "findings", "files")
        data = Dataset(
            name=self.configuration.data_set,
            digest=catalog["fingerprint"][:DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": found.parent.as_posix()}),
            profile=json.dumps({name: catalog[name] for name in numbers}),
        )
        context = "evaluation" if self.run.borrowed_model.is_file() else "training"
        return DatasetInput(data, [InputTag("mlflow.data.context", context)])

    def note(self, title: str, *, experiment: str, run_id: str, watched: str) -> str:
        """What a reader sees first, in Markdown.

        Args:
            watched: the run with pictures by step; "" where none has any.
        """
        last = self.configuration.attempts[-1]
        return render_markdown(
            TEMPLATE,
            title=title,
            data_set=self.configuration.data_set,
            params=self.configuration.params,
            counts=self._counts(),
            figures=self._figures(),
            confidence=float(self.configuration.params.get("evaluate.confidence", 0.95)),
            failed=last if last.error and not last.is_finished else None,
            files=[name for name in OF_THE_RUN if (self.run.root / name).is_file()],
            classic=CLASSIC,
            place=f"#/experiments/{experiment}/runs/",
            run_id=run_id,
            watched=watched,
            next_command=self._next_command(),
        )

    def _figures(self) -> list[tuple[str, str, dict[str, float | None]]]:
        """Name, title and figure of the headline metrics that have a value."""
        last = self.configuration.last("evaluate") or self.configuration.last("crossval")
        known = last.values if last else {}
        return [
            (m.name, m.title, {k: known.get(f"{m.name}/{k}") for k in ("value", "low", "high")})
            for m in headline_metrics()
            if f"{m.name}/value" in known
        ]

    def _counts(self) -> dict[str, float]:
        """Of the data, or of what a cross-validation judged, which is all of them."""
        last = self.configuration.last("preprocess", "crossval", own=False)
        known = last.values if last else {}
        front = "judged_" if last and last.stage == "crossval" else "all_"
        names = ("patients", "images", "lesions")
        return {n: known[front + n] for n in names if front + n in known}

    def _next_command(self) -> str:
        """What to do after the last stage that is done; a stage that failed, again."""
        run = shlex.quote(str(self.run.root))
        attempts = [*self.configuration.before, *self.configuration.attempts]
        done = {each.stage for each in attempts if each.is_finished}
        if "crossval" in done:
            return f"make heatmap MODEL={run}/folds INPUT=folder RUN=runs/new"
        stages = [node.name for node in needed_for("evaluate", self.run)]
        at = max((stages.index(stage) for stage in done & {*stages}), default=-1)
        following = stages[at + 1] if at + 1 < len(stages) else "champion"
        return f"make {following} RUN={run}"
