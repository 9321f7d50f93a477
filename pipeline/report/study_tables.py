"""Tables of the studies, for the terminal and the README."""

from collections.abc import Mapping

from pipeline.figures.cases import Need
from pipeline.figures.registry import Place, probability_metrics, ranking_metrics
from pipeline.pages.template import markdown_table

COSTS = {"train_seconds": "seconds of training", "peak_memory_mib": "MiB of memory"}


def ablation_table(content: Mapping) -> str:
    """What each variant of ablation.json reached on validation patients."""
    rows = [
        (
            variant,
            f"{row['validation_auc']:.4f}",
            ", ".join(f"{change:+.4f}" for change in row["change"]),
            f"{row['validation_froc']:.3f}",
            ", ".join(f"{change:+.3f}" for change in row["froc_change"]),
        )
        for variant, row in content["variants"].items()
    ]
    auc, froc = "validation AUC", "validation FROC"
    return markdown_table(rows, ["variant", auc, "change, each seed", froc, "change, each seed"])


def heads_table(content: Mapping) -> str:
    """What each head of heads.json reached on test patients, mean over the seeds."""
    arms = content["arms"]
    metrics = ranking_metrics(within=Place.SUMMARY) + probability_metrics(within=Place.STUDY)
    # A head judges positions; whole images say little of it.
    titles = {m.name: m.title for m in metrics if m.needs in (Need.POSITIONS, Need.LESIONS)}
    rows = [
        (title, *(_number(arm[name]["mean"]) for arm in arms.values()))
        for name, title in (titles | COSTS).items()
        if all(name in arm for arm in arms.values())
    ]
    rows.append(("weights", *(f"{arm['parameters']:,}" for arm in arms.values())))
    return markdown_table(rows, ["", *(arm.replace("_", ", ") for arm in arms)])


def study_source(content: Mapping) -> str:
    """Seeds, schedule, hardware and date in a line."""
    schedule = content["schedule"]
    if not isinstance(schedule, str):
        schedule = ", ".join(f"{name} {value}" for name, value in schedule.items())
    commit, dash, _ = content["commit"].partition("-")
    return (
        f"{content['seeds']} seeds; {schedule}; {content['hardware']}; {content['date']}, commit "
        f"{commit[:7]}{' with changes' if dash else ''}."
    )


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
