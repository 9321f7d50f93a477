"""The results that the README shows: from a run to docs/results/*.json to a table."""

import json
import os
import platform
import re
from collections import Counter
from pathlib import Path

from pipeline.report.study_tables import ablation_table, heads_table, study_source
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
CALIBRATED = {
    "observed_over_expected": "observed / expected",
    "slope": "calibration slope",
}
MARK = re.compile(r"(<!-- results:begin -->\n).*?(<!-- results:end -->)", re.DOTALL)


def write_results(run: RunFolder, folder: Path) -> list[Path]:
    """Keep the figures of an evaluated run, its cross-validation and its studies, as far as made.

    Args:
        folder: gets <run>.json, <run>-crossval.json, <run>-heads.json and <run>-ablation.json.

    Raises:
        UserError: none of them is there.
    """
    kept = []
    if run.metrics.is_file():
        kept.append(_write(folder, run.root.name, run, run.metrics, _seconds(run)))
    if run.crossval.is_file():
        name = f"{run.root.name}-crossval"
        kept.append(_write(folder, name, run, run.crossval, _seconds_of_folds(run)))
    for path in (run.heads, run.ablation):
        if path.is_file():
            kept.append(_write_study(folder, run, path))
    if not kept:
        raise UserError(
            f"{run.metrics} is missing, and {run.crossval.name} too. Run make evaluate "
            f"RUN={run.root} or make crossval RUN={run.root} first."
        )
    return kept


def _write(folder: Path, name: str, run: RunFolder, figures: Path, seconds: dict) -> Path:
    remembered = recall(run)
    result = {
        "run": name,
        "config": remembered.config,
        "set": {k: v for k, v in remembered.overrides.items() if not k.endswith(".root")},
        "hardware": hardware(),
        "seconds": seconds,
        **json.loads(figures.read_text(encoding="utf-8")),
    }
    path = folder / f"{name}.json"
    write_text(path, json_text(result))
    return path


def _write_study(folder: Path, run: RunFolder, figures: Path) -> Path:
    path = folder / f"{run.root.name}-{figures.stem}.json"
    content = json.loads(figures.read_text(encoding="utf-8"))
    write_text(path, json_text({"run": run.root.name, "config": recall(run).config, **content}))
    return path


def _seconds(run: RunFolder) -> dict[str, int]:
    """How long the last finished work of each stage took; a training, all its sessions."""
    finished = [e for e in read_events(run.events) if e["event"] == "finish"]
    last = {e["stage"]: round(e["seconds"]) for e in finished if e["status"] == "finished"}
    card = run.model / "model.json"
    if "train" in last and card.is_file():
        training = json.loads(card.read_text(encoding="utf-8"))["training"]
        last["train"] = max(last["train"], round(training["seconds"]))
    return last


def _seconds_of_folds(run: RunFolder) -> dict[str, int]:
    """The same, summed over the folds of its cross-validation."""
    folds = len(json.loads(run.crossval.read_text(encoding="utf-8"))["folds"])
    total = Counter()
    for number in range(1, folds + 1):
        total.update(_seconds(run.fold(number)))
    return dict(total)


def hardware() -> str:
    """Processor and number of cores, in words."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def results_markdown(folder: Path) -> str:
    """One table over all kept runs, then one for each study of heads and each ablation."""
    paths = sorted(folder.glob("*.json"), key=lambda path: path.stem)
    files = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    results = [content for content in files if "patch_auc" in content]
    head = "| | " + " | ".join(r["run"] for r in results) + " |\n"
    lines = [head + "|---" * (len(results) + 1) + "|"]
    for key, name in FIGURES.items():
        lines.append(f"| {name} | " + " | ".join(_figure(r.get(key)) for r in results) + " |")
    for key, name in CALIBRATED.items():
        for which, addition in (("after", ""), ("lesions_equal", ", lesions alike")):
            cells = " | ".join(_figure(_calibrated(r, which).get(key)) for r in results)
            lines.append(f"| {name}{addition} | {cells} |")
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
    studies = [_study_markdown(content) for content in files if "patch_auc" not in content]
    return "\n".join(lines) + "\n" + "".join(studies)


def _study_markdown(content: dict) -> str:
    """The section of one study; nothing for files that are none."""
    if "verdicts" in content:
        title, table = "one sigmoid or two softmax units", heads_table(content)
        said = " ".join([*content["verdicts"].values(), "Rule:", content["rule"]])
    elif "variants" in content:
        title, table = "what each ingredient brings", ablation_table(content)
        said = f"{content['figures'][0].upper()}{content['figures'][1:]}."
    else:
        return ""
    return f"\n### {content['run']}: {title}\n\n{said}\n\n{table}\n\n{study_source(content)}\n"


def with_results(readme: str, table: str) -> str:
    """The README with the table between its two marks."""
    return MARK.sub(lambda match: match[1] + table + match[2], readme)


def _calibrated(result: dict, which: str) -> dict:
    return (result.get("calibration") or {}).get(which) or {}


def _figure(figure: dict | None) -> str:
    if not figure or figure["value"] is None:
        return "–"
    if figure["low"] is None:  # one patient has no interval
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
