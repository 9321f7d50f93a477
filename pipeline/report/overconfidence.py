"""Loss against ranking over a training, in words: what rose, what held, which weights were taken.

The loss also rises when a network only becomes more certain; then the ranking holds and the
calibration repairs the rest. When the ranking falls too, the network memorises.
"""

from pathlib import Path

from pipeline.run.csv_tables import read_csv_table

HELD = 0.01  # a validation AUC within this of the best has held
RISEN = 0.02  # share of the least loss by which a loss has risen


def remarks_on(history: Path) -> list[str]:
    """Sentences about a history.csv; none where loss and ranking agree, or nothing is known.

    Args:
        history: columns step, validation_auc and validation_loss, a row for each validation.
    """
    if not history.is_file() or not history.stat().st_size:
        return []
    known = read_csv_table(history, rest=None, written_by="make train")
    known = known.dropna(subset=["validation_auc", "validation_loss"])
    if known.empty:
        return []
    chosen = known.loc[known["validation_auc"].idxmax()]
    least = known.loc[known["validation_loss"].idxmin()]
    last = known.iloc[-1]
    taken, remarks = f"The weights are those of step {chosen['step']:.0f}", []
    too_certain = least["step"] < chosen["step"]
    if too_certain:
        remarks.append(
            f"{taken}, with the highest validation AUC. The validation loss was lowest earlier, at "
            f"step {least['step']:.0f} ({least['validation_loss']:.4f} against "
            f"{chosen['validation_loss']:.4f}): the ranking went on improving while the network "
            "became too certain, which the calibration corrects."
        )
    lowest = chosen if too_certain else least
    if last["validation_loss"] <= (1 + RISEN) * lowest["validation_loss"]:
        return remarks
    rose = (
        f"from {lowest['validation_loss']:.4f} at step {lowest['step']:.0f} to "
        f"{last['validation_loss']:.4f} at step {last['step']:.0f}"
    )
    best, end = f"{chosen['validation_auc']:.4f}", f"{last['validation_auc']:.4f}"
    if last["validation_auc"] < chosen["validation_auc"] - HELD:
        remarks.append(
            f"After step {chosen['step']:.0f} the ranking got worse as well: the validation AUC "
            f"fell from {best} to {end}, and the loss rose {rose}. More of this training does not "
            f"help. {taken}."
        )
    elif not too_certain:
        remarks.append(
            f"The validation loss rose {rose}, while the ranking held (AUC {best} at best, {end} "
            f"at the end): the network only became more certain. {taken}."
        )
    return remarks
