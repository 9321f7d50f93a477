"""What a run takes over from the model that MODEL names."""

from pathlib import Path

from pipeline.model.card import read_model_card
from pipeline.run.checksum import file_sha256
from pipeline.run.configure import Borrowed
from pipeline.run.errors import UserError
from pipeline.run.layout import MODEL_FILE, RunFolder


def borrow(place: Path) -> Borrowed:
    """Image, label rule and maps of the model in a run or model folder.

    Raises:
        UserError: there is no finished model.
    """
    folders = (RunFolder(place).model, place)
    folder = next((f for f in folders if (f / MODEL_FILE).is_file()), None)
    if folder is None:
        raise UserError(
            f"MODEL={place} holds no finished model: {folders[0] / MODEL_FILE} is missing. "
            "Name a run folder whose training finished."
        )
    card = read_model_card(folder)
    sections = {"image": card.image, "labels": card.labels, "maps": card.maps}
    return Borrowed(sections, file_sha256(folder / MODEL_FILE))
