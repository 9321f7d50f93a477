"""What a model says of DICOM files by themselves: their regions, without a run folder.

Reads   INPUT, the model of MODEL or RUN
Writes  OUT/{regions.csv,intake.csv,overlays/} where OUT is given, under pseudonyms; else nothing
Run     make predict INPUT=path/to/mammogram.dcm MODEL=runs/x
"""

from pathlib import Path
from typing import Annotated

import typer

import start
from pipeline.run.errors import UserError
from pipeline.run.pseudonyms import TABLE, Pseudonyms, private_folder
from pipeline.run.scratch import scratch_folder
from pipeline.run.settings import Remembered, build_settings, given_overrides

CONFIG = "configs/dicom.yaml"


def predict(
    run: start.Run,
    input: Annotated[str, typer.Option(help="a file, a folder or a list of files")] = "",
    model: Annotated[str, typer.Option(help="a run folder; RUN itself if absent")] = "",
    set: Annotated[str, typer.Option(help="settings, such as data.spacing_mm=0.05")] = "",
    out: Annotated[Path | None, typer.Option(help="folder for tables and pictures")] = None,
) -> int:
    """Say which regions a model finds in DICOM files; status 1 where it can use none of them."""
    if not input or not Path(input).exists():
        raise UserError(f"INPUT={input} is no file and no folder. Name one: make predict INPUT=...")
    from pipeline.model.configure import settings_with_model
    from pipeline.model.training_data import DRAWINGS

    now = Remembered(CONFIG, given_overrides(set), model or str(run))
    settings, card, _ = settings_with_model(build_settings(Path(CONFIG), now.overrides), now)
    if card.data and card.data.is_synthetic:
        print(f"WARNING: {DRAWINGS.text}", flush=True)
    print("predict: reads the files, then TensorFlow starts, 10 to 20 seconds", flush=True)
    card = card.with_prior(settings.heatmap.prior)

    from pipeline.heatmap.predict import predict, predicted_text, write_predicted
    from pipeline.ingest.source_files import files_of
    from pipeline.model.folder import network_mapper

    files = files_of(Path(input)).files
    with scratch_folder() as scratch:
        aside = {"data": {"root": scratch}, "store": {"root": scratch}}
        changed = {
            name: getattr(settings, name).model_copy(update=to) for name, to in aside.items()
        }
        settings = settings.model_copy(update=changed)
        pseudonyms = Pseudonyms() if out and settings.data.has_secrets else None
        predicted = predict(
            files,
            settings,
            card,
            lambda: network_mapper(card.folder, settings.heatmap.tile_px),
            pseudonyms=pseudonyms,
        )
        print(predicted_text(predicted, card))
        if out:
            from pipeline.heatmap.pictures.map_pictures import Caption

            prior_is_set = settings.heatmap.prior is not None
            caption = Caption.of(
                card, model=now.model, prior_is_set=prior_is_set, doubts=predicted.doubts
            )
            write_predicted(out, predicted, caption)
            back = f"; {private_folder() / TABLE} leads back to the names" if pseudonyms else ""
            print(f"predict: regions, what became of each file and pictures are in {out}{back}")
    return 0 if predicted.found else 1


if __name__ == "__main__":
    start.command_line(predict)
