"""RUN/intake.csv: the end of every regular file below data.root."""

from collections.abc import Mapping

import pandas as pd

from pipeline.preprocess.worker import Outcome
from pipeline.run.atomic import write_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

INTAKE_COLUMNS = ("file", "status", "reason", "image_id", "patient_id", "bytes", "notes")
USED, SKIPPED, FAILED = "used", "skipped", "failed"


def intake_table(
    files: pd.DataFrame, images: pd.DataFrame, outcomes: Mapping[str, Outcome]
) -> pd.DataFrame:
    """One row for each file of the catalog, in its order.

    Args:
        files: catalog/files.csv.
        images: catalog/images.csv.
        outcomes: what became of each image, by image id.

    Returns:
        Columns of intake.csv; status is used, skipped or failed.
    """
    by_source = {image["source"]: image for image in images.to_dict("records")}
    rows = []
    for file in files.to_dict("records"):
        row = {
            "file": file["file"],
            "status": file["status"],
            "reason": file["reason"],
            "image_id": "",
            "patient_id": "",
            "bytes": file["bytes"],
            "notes": "",
        }
        image = by_source.get(file["file"])
        if image is not None:
            outcome = outcomes[image["image_id"]]
            row["status"], row["reason"] = outcome.status, outcome.reason
            row["image_id"], row["patient_id"] = image["image_id"], image["patient_id"]
            notes = [file["reason"], *(outcome.info or {}).get("notes", [])]
            row["notes"] = "; ".join(note for note in notes if note)
        rows.append(row)
    return pd.DataFrame(rows, columns=list(INTAKE_COLUMNS))


def write_intake(run: RunFolder, intake: pd.DataFrame) -> None:
    """Write intake.csv."""
    write_text(run.intake, intake.to_csv(index=False, lineterminator="\n"))


def intake_counts(intake: pd.DataFrame) -> dict[str, int]:
    """Files by status; the three numbers add up to all files."""
    counts = intake["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in (USED, SKIPPED, FAILED)}


def check_intake(run: RunFolder, intake: pd.DataFrame, *, max_lost_share: float) -> None:
    """Stop when too much was lost.

    Raises:
        UserError: no image is usable, or more than `max_lost_share` of the mammograms failed.
    """
    counts = intake_counts(intake)
    used, failed = counts[USED], counts[FAILED]
    if used == 0:
        raise UserError(
            f"No file of the data set is usable: {common_reasons(intake) or 'there is none'}. "
            f"{run.intake} names the reason of each file."
        )
    if failed > max_lost_share * (used + failed):
        raise UserError(
            f"{failed} of {used + failed} mammograms failed, more than "
            f"dicom.max_lost_share={max_lost_share:g} allows: "
            f"{common_reasons(intake[intake['status'] == FAILED])}. {run.intake} names each; mend "
            "or remove the files, or raise dicom.max_lost_share."
        )


def common_reasons(intake: pd.DataFrame, *, most: int = 4) -> str:
    """The commonest reasons of files that are not used, with their counts."""
    counts = intake.loc[intake["status"] != USED, "reason"].value_counts()
    named = [f"{count} x {reason}" for reason, count in counts.head(most).items()]
    rest = int(counts.iloc[most:].sum())
    return "; ".join(named + ([f"{rest} for other reasons"] if rest else []))
