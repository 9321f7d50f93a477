"""What the figures become when the same mammograms look otherwise.

Each test mammogram is changed as another machine, exposure or export might have changed it, and
mapped again; nothing is fitted anew. Beside it the figures of groups, on unchanged mammograms.

Reads   RUN after heatmap
Writes  RUN/robustness/<change>, the maps and their tables; RUN/robustness.json, and completes
        RUN/report.html and RUN/model-card.md
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.evaluate.groups import image_parts, kind_parts
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import Judged, load_judged
from pipeline.figures.registry import headline_metrics
from pipeline.heatmap.map_set import MapSet
from pipeline.model.card import model_folder, read_card
from pipeline.model.folder import network_mapper
from pipeline.model.image_map import Mapper
from pipeline.model.recipe import recipe_of
from pipeline.pages.filters import change, number
from pipeline.report.model_card import write_model_card
from pipeline.report.run_page import write_report
from pipeline.run.atomic import write_json
from pipeline.run.checksum import value_sha256
from pipeline.run.code import code_sha256, provenance
from pipeline.run.errors import UserError
from pipeline.run.hardware import hardware
from pipeline.run.progress import Plan
from pipeline.run.stage import Stage
from pipeline.run.words import aligned
from pipeline.studies.compare import Estimate, difference_of, estimates_of
from pipeline.studies.image_changes import UNCHANGED, ChangedMapper, image_changes
from pipeline.studies.part_maps import Row, mammograms_of_the_test, map_part

JUDGING = "figures with intervals"


def robustness(
    stage: Stage,
    *,
    limit: int | None = None,
    mapper_of: Callable[[Path, int], Mapper] = network_mapper,
) -> dict:
    """Map the changed test mammograms that are not mapped yet, and judge them all.

    Args:
        limit: so many patients, drawn at random; all if None.
        mapper_of: from the model folder and heatmap.tile_px, what maps.

    Returns:
        The content of robustness.json.

    Raises:
        UserError: there is no test mammogram, or the limit is none.
    """
    run, settings = stage.run, stage.settings.evaluate
    mammograms = _drawn(mammograms_of_the_test(run), limit, seed=settings.seed)
    card = read_card(model_folder(run)).with_prior(stage.settings.heatmap.prior)
    mapper = mapper_of(card.folder, stage.settings.heatmap.tile_px)
    maps = MapSet(run, card, card.map_rule(stride_px=mapper.stride_px))
    changes = image_changes(spacing_mm=card.image.spacing_mm, seed=settings.seed)
    parts = dict.fromkeys((run.changed(name).root.name for name in changes), 1.0)
    # Of twelve mammograms of the phantom: 57 s of maps, 87 s of figures with their bootstrap.
    plan = Plan("robustness", parts | {JUDGING: 1.3 * len(parts)})
    judged = {
        name: _mapped(maps, mammograms, ChangedMapper(mapper, how), name, plan, seed=settings.seed)
        for name, how in changes.items()
    }
    plan.say(JUDGING)
    as_it_is = judged[UNCHANGED]
    bootstrap = Bootstrap.of(as_it_is, settings)
    content = {
        "changes": _change_rows(judged, bootstrap),
        "groups": _group_rows(as_it_is, bootstrap),
        "patients": len(as_it_is.patients),
        "images": len(as_it_is.images),
        "lesions": as_it_is.lesions,
        "limit": limit,
        "seed": settings.seed,
        "bootstrap": {"samples": settings.bootstrap, "confidence": settings.confidence},
        "model_sha256": card.sha256,
        "recipe": recipe_of(stage.settings, [card]),
        "hardware": hardware(),
        **provenance(),
    }
    write_json(run.robustness, content)
    stage.events.metrics(_tracked(content))
    stage.events.artifact(run.robustness)
    write_report(run)
    stage.events.artifact(run.report)
    stage.events.artifact(write_model_card(run))
    return content


def robustness_text(content: Mapping) -> str:
    """The changes as a table for the terminal: each figure, and by how much it changed."""
    metrics = headline_metrics()
    rows = [
        (row["name"], *(_with_change(row, metric.name) for metric in metrics))
        for row in content["changes"]
    ]
    judged = f"{content['images']} mammograms of {content['patients']} patients"
    return (
        f"{aligned([('', *(metric.title for metric in metrics)), *rows])}\n"
        f"{judged}, {content['lesions']} lesions; in brackets the change"
    )


def _with_change(row: Mapping, metric: str) -> str:
    shown, moved = number(row["figures"][metric]["value"]), row.get("change", {}).get(metric, {})
    return shown if moved.get("value") is None else f"{shown} ({change(moved['value'])})"


def _drawn(mammograms: pd.DataFrame, limit: int | None, *, seed: int) -> pd.DataFrame:
    """The mammograms of so many patients, in their order."""
    patients = np.array(sorted(mammograms["patient_id"].unique()))
    if not len(patients):
        raise UserError("There is no test mammogram. Give split.test more than 0.")
    if limit is None:
        return mammograms
    if limit < 1:
        raise UserError(f"LIMIT must be at least 1 patient, not {limit}.")
    chosen = np.random.default_rng([seed, len(patients)]).permutation(patients)[:limit]
    return mammograms[mammograms["patient_id"].isin(chosen)]


def _mapped(
    maps: MapSet,
    mammograms: pd.DataFrame,
    mapper: ChangedMapper,
    name: str,
    plan: Plan,
    *,
    seed: int,
) -> Judged:
    """The mammograms by a mapper that changes them; maps that are there already are kept."""
    part, code = maps.run.changed(name), code_sha256("pipeline.studies.image_changes")

    def key_of(mammogram: Row) -> str:
        return value_sha256([maps.key(mammogram), name, seed, code])

    map_part(
        *(maps.run, part, mammograms, maps.card, maps.rule, lambda *_: mapper),
        key_of=key_of,
        plan=plan,
    )
    return load_judged(part)


def _change_rows(judged: Mapping[str, Judged], bootstrap: Bootstrap) -> list[dict]:
    """A row for each change, the unchanged first; `change` is less the unchanged, paired."""
    estimates = {
        name: estimates_of(changed, bootstrap, headline_metrics())
        for name, changed in judged.items()
    }
    rows = []
    for name, found in estimates.items():
        row = {"name": name, "figures": _figures(found)}
        if name != UNCHANGED:
            row["change"] = {
                metric: difference_of(estimate, estimates[UNCHANGED][metric], bootstrap).as_dict()
                for metric, estimate in found.items()
            }
        rows.append(row)
    return rows


def _group_rows(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """A row for each value of what is known of the mammograms, and for each kind of finding."""
    metrics = headline_metrics()
    ranking = [metric for metric in metrics if not metric.of_probabilities]
    return [
        {
            "by": by,
            "group": group,
            "images": len(part.images),
            "figures": _figures(estimates_of(part, bootstrap, chosen)),
        }
        for parts, chosen in ((image_parts(judged), metrics), (kind_parts(judged), ranking))
        for by, group, part in parts
    ]


def _figures(estimates: Mapping[str, Estimate]) -> dict[str, dict]:
    return {metric: estimate.figure.as_dict() for metric, estimate in estimates.items()}


def _tracked(content: Mapping) -> dict[str, float]:
    """Flat numbers for the event log; undefined ones are left out."""
    return {
        f"robustness/{row['name']}/{name}": figure["value"]
        for row in content["changes"]
        for name, figure in row["figures"].items()
        if figure["value"] is not None
    }
