"""The results that the README shows: from a run to docs/results/*.json to a table."""

import json
import os
import platform
import re
from pathlib import Path

from pipeline.run.atomic import json_text, write_text
from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall

FIGURES = {
    "patch_auc": "patch AUC",
    "patch_ap": "patch average precision",
    "image_auc": "image AUC",
    "mean_froc": "mean FROC sensitivity",
}
MARK = re.compile(r"(<!-- results:begin -->\n).*?(<!-- results:end -->)", re.DOTALL)


def write_result(run: RunFolder, folder: Path) -> Path:
    """Keep the figures of an evaluated run as FOLDER/<run>.json.

    Raises:
        UserError: the run is not evaluated.
    """
    if not run.metrics.is_file():
        raise UserError(f"{run.metrics} is missing. Run make evaluate RUN={run.root} first.")
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    finished = [e for e in read_events(run.events) if e["event"] == "finish"]
    seconds = {e["stage"]: round(e["seconds"]) for e in finished if e["status"] == "finished"}
    remembered = recall(run)
    result = {
        "run": run.root.name,
        "config": remembered.config,
        "set": {k: v for k, v in remembered.overrides.items() if not k.endswith(".root")},
        "hardware": hardware(),
        "seconds": seconds,
        **metrics,
    }
    path = folder / f"{run.root.name}.json"
    write_text(path, json_text(result))
    return path


def hardware() -> str:
    """Processor and number of cores, in words."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def results_markdown(folder: Path) -> str:
    """One table over all kept results."""
    results = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]
    head = "| | " + " | ".join(r["run"] for r in results) + " |\n"
    lines = [head + "|---" * (len(results) + 1) + "|"]
    for key, name in FIGURES.items():
        lines.append(f"| {name} | " + " | ".join(_figure(r.get(key)) for r in results) + " |")
    facts = {
        "baseline, position alone: patch AUC": lambda r: _figure(r["baselines"]["position"]),
        "baseline, mean and contrast: patch AUC": lambda r: _figure(
            r["baselines"]["mean_contrast"]
        ),
        "test women / mammograms / lesions": lambda r: "{patients} / {images} / {lesions}".format(
            **r["counts"]
        ),
        "positions, share positive": lambda r: (
            f"{r['counts']['positions']:,}, {100 * r['prevalence']:.2f} %"
        ),
        "minutes: preprocess / train / heatmap / evaluate": lambda r: " / ".join(
            f"{r['seconds'].get(s, 0) / 60:.1f}"
            for s in ("preprocess", "train", "heatmap", "evaluate")
        ),
        "hardware": lambda r: r["hardware"],
        "date": lambda r: r["date"],
    }
    for name, show in facts.items():
        lines.append(f"| {name} | " + " | ".join(show(r) for r in results) + " |")
    return "\n".join(lines) + "\n"


def with_results(readme: str, table: str) -> str:
    """The README with the table between its two marks."""
    return MARK.sub(lambda match: match[1] + table + match[2], readme)


def _figure(figure: dict | None) -> str:
    if not figure or figure["value"] is None:
        return "–"
    if figure["low"] is None:  # one patient has no interval
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
