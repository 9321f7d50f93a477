"""A model in the forms that other programs run, each tried on a mammogram before it stays."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from pipeline.config import DicomSettings, PhantomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.ingest.phantom.writer import write_example
from pipeline.model.card import MODEL_FILE, ModelCard, named_model, read_card
from pipeline.model.folder import WEIGHTS, load_network
from pipeline.model_out.formats import FORMATS, Format, run_network, write_network
from pipeline.model_out.how_to_use import how_to_use
from pipeline.model_out.hub_page import hub_page
from pipeline.preprocess.store.entries import has_entry, network_input, read_image
from pipeline.preprocess.store.standardise import standardise
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.atomic import write_json, write_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.scratch import scratch_folder
from pipeline.run.words import aligned

if TYPE_CHECKING:
    from models.network import PatchNetwork

# Of the probability before the calibration. A logit of -40 itself has float32 noise of 1e-5.
MOST_DIFFERENCE = 1e-5
HOW_TO_USE, PAGE = "export.json", "README.md"


def export_model(place: Path, folder: Path) -> str:
    """Write a model as SavedModel, ONNX and LiteRT, with what belongs to them.

    Each form is read back and compared with the network on a mammogram: one of the run where its
    store is there, otherwise a drawn one. One that differs is not left.

    Args:
        place: a run folder, or a model folder.
        folder: gets the files; what an earlier export left there is replaced.

    Returns:
        What was made, by how much it differs, and what was left out and why.

    Raises:
        UserError: there is no finished model; `folder` holds other things; a form differs or
            lacks an operation, after the others were written.
    """
    source = named_model(place)
    if folder.exists() and not (_is_empty(folder) or (folder / HOW_TO_USE).is_file()):
        raise UserError(f"{folder} is there and no export: name another folder, OUT=...")
    card, network = read_card(source), load_network(source)
    image, what = _mammogram(RunFolder(place), card)
    given = _network_input(network, card, image)
    new = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    tried = [_try(form, network, given, new / form.file) for form in FORMATS]
    made = [each for each in tried if not each.reason]
    size = f"{given.shape[1]:,} x {given.shape[2]:,} pixels"
    differences = {
        each.form.name: {"probability": each.of_probability, "logit": each.of_logit}
        for each in made
    }
    compared = {"on": what, "size": size, "largest_differences": differences}
    write_json(new / HOW_TO_USE, {**how_to_use(card, network), "compared": compared})
    files = {each.form.name: each.form.file for each in made}
    write_text(new / PAGE, hub_page(RunFolder(place), card, files=files, on=f"{what}, {size}"))
    for name in (WEIGHTS, MODEL_FILE):
        shutil.copyfile(source / name, new / name)
    shutil.rmtree(folder, ignore_errors=True)
    new.replace(folder)
    heads = ("largest difference", "of a probability", "of a logit")
    rows = [(e.form.file, f"{e.of_probability:.1e}", f"{e.of_logit:.1e}") for e in made]
    text = "\n".join(
        [
            f"all files are in {folder}; compared on {what}, {size}:",
            aligned([heads, *rows]),
            *(f"{each.form.name} is left out: {each.reason}" for each in tried if each.reason),
        ]
    )
    if any(each.failed for each in tried):
        raise UserError(text)
    return text


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


@dataclass(frozen=True)
class _Tried:
    """A form that was written and read back, or the reason why it was left out."""

    form: Format
    # of_probability, of_logit: the largest differences, both before the calibration
    of_probability: float = 0.0
    of_logit: float = 0.0
    reason: str = ""
    failed: bool = False  # it is left out though all that it needs is installed


def _try(form: Format, network: "PatchNetwork", image: np.ndarray, path: Path) -> _Tried:
    """Write a form, read it back and compare; one that differs or fails is taken away."""
    if form.lacking:
        return _Tried(form, reason=_how_to_install(form))
    print(f"export-model: {form.name}", flush=True)
    try:
        write_network(network, form, path)
        found = run_network(form, path, image)
    except Exception as error:  # noqa: BLE001 - every converter and runtime has its own
        last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        tried = _Tried(form, reason=f"it cannot hold this network: {last[0][:300]}", failed=True)
    else:
        expected = network(image).numpy()
        of_logit = float(np.max(np.abs(found - expected)))
        of_probability = float(np.max(np.abs(expit(found) - expit(expected))))
        tried = _Tried(form, of_probability, of_logit)
        wrong = ""
        if not np.isfinite(of_logit):
            wrong = "its logits are not all finite"
        elif not of_probability <= MOST_DIFFERENCE:
            wrong = f"its probabilities differ by {of_probability:.1e}"
        if wrong:
            tried = replace(tried, reason=wrong, failed=True)
    if tried.failed:
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
    return tried


def _how_to_install(form: Format) -> str:
    return (
        f"{form.name} is left out: {' and '.join(form.lacking)} must be installed for it: "
        ".venv/bin/uv pip install --python .venv/bin/python --constraint requirements-dev.lock "
        f"{' '.join(form.packages)}"
    )


def _mammogram(run: RunFolder, card: ModelCard) -> tuple[np.ndarray, str]:
    """A standard image, (H, W) float32, and what it is."""
    if run.mammograms.is_file():
        mammograms = read_mammograms(run).sort_values(
            "split", key=lambda s: s != "test", kind="stable"
        )
        for store in mammograms["store"]:
            if has_entry(store):
                return network_input(read_image(store)), "a mammogram of the run"
    with scratch_folder() as scratch:
        file = write_example(scratch, PhantomSettings())
        mammogram = read_mammogram(file, settings=DicomSettings(), spacing_mm=None)
    return network_input(standardise(mammogram, card.image).image), "a drawn mammogram"


def _network_input(network: "PatchNetwork", card: ModelCard, image: np.ndarray) -> np.ndarray:
    """What maps give the network of a standard image: all of it, or a tile; (1, H, W, 1)."""
    from models.dense import pad_for_map

    padded = pad_for_map(
        image, network, pitch_px=card.map_rule(stride_px=network.stride_px).pitch_px
    )
    if tile := network.tile_px:
        padded = np.pad(padded, [(0, max(0, tile - size)) for size in padded.shape], mode="reflect")
        padded = padded[:tile, :tile]
    return np.ascontiguousarray(padded[None, :, :, None])
