"""Tables of the studies, for the terminal and the README."""

from collections.abc import Mapping

HEAD_ROWS = {
    "patch_auc": "patch AUC",
    "patch_ap": "patch average precision",
    "mean_froc": "mean FROC sensitivity",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "ECE",
    "slope": "calibration slope",
    "observed_over_expected": "observed / expected",
    "train_seconds": "seconds of training",
    "peak_memory_mib": "MiB of memory",
}


def ablation_table(content: Mapping) -> str:
    """What each variant of ablation.json reached on validation patients."""
    lines = [
        "| variant | validation AUC | change, each seed | validation FROC | change, each seed |",
        "|---|---|---|---|---|",
    ]
    for variant, row in content["variants"].items():
        change = ", ".join(f"{c:+.4f}" for c in row["change"])
        froc_change = ", ".join(f"{c:+.3f}" for c in row["froc_change"])
        lines.append(
            f"| {variant} | {row['validation_auc']:.4f} | {change} | {row['validation_froc']:.3f} "
            f"| {froc_change} |"
        )
    return "\n".join(lines)


def heads_table(content: Mapping) -> str:
    """What each head of heads.json reached on test patients, mean over the seeds."""
    arms = content["arms"]
    lines = ["| | " + " | ".join(arm.replace("_", ", ") for arm in arms) + " |"]
    lines.append("|---" * (len(arms) + 1) + "|")
    for key, title in HEAD_ROWS.items():
        if all(key in arm for arm in arms.values()):
            cells = " | ".join(_number(arm[key]["mean"]) for arm in arms.values())
            lines.append(f"| {title} | {cells} |")
    weights = " | ".join(f"{arm['parameters']:,}" for arm in arms.values())
    return "\n".join([*lines, f"| weights | {weights} |"])


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
