"""What rented GPUs are expected to take and cost, for the page of the documentation.

Estimates: no GPU was measured. docs/results/cloud.json holds what they rest on besides the measured
times of docs/results/bench.json, and the prices; put your own there.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from pipeline.run.atomic import read_json
from pipeline.run.settings import build_settings

# Seconds of a row of a GPU, for the area of one crop.
TRAINED, MAPPED, CUT = "crop trained", "crop mapped", "crop cut on a core"
CROP_PX = 448  # of those rows
_PREPROCESS = r"preprocess of a mammogram of (\d+) x (\d+), JPEG Lossless, beside its decoding"
_PICTURES, _READ = "pictures and tables of a map", "all patches of a mammogram at 64 px"
_HOUR, _MEGA = 3600.0, 1e6

_HEAD = """# Time and money on rented GPUs

**Estimates: no GPU was measured.** `make docs` makes this page from the times that `make bench`
measured on {hardware} ([speed](speed.md)), the roofline of each GPU, and `docs/results/cloud.json`,
which has the assumptions and the prices: put your own there.

Hours and US$, **from a GPU that reaches {high:.0%} of its roof to one that reaches {low:.0%}**:
which it is, is not known before one has tried. Training goes as fast as the slower of the GPU,
which takes so many crops a second, and the cores, which cut them.
"""
_TABLE = """
## {name}: {images:,} mammograms, `{config}`

| machine | cores | preprocess | train | maps | in all | $ | $, spot | crops a second: GPU | cores |
|---|---|---|---|---|---|---|---|---|---|
"""
_FOOT = """
## What they rest on

- **preprocess**: {preprocess:.2g} s of a core for {megapixels:.1f} megapixels, as measured here, on
  all cores of the machine. The GPU has nothing to do meanwhile; `cloud/preprocess.yaml` takes a
  machine without one.
- **train**: the crops of the config, and a map of each film for validation and calibration. A crop
  takes the longer of its operations and its memory traffic by the GPU's datasheet, divided by the
  share of the roof that is reached. Meanwhile the cores cut the next ones, {crops:,.0f} of
  {crop_px} px a second and core as measured here. Where the cores are slower, take more of them.
- **the share of the roof**, {low:g} to {high:g}, is assumed. Trainings that others measured, by the
  same roofline: {measured}.
- **maps**: by all networks of the ensemble, with `maps.flips` and `maps.zooms` of the config, of
  whole films of {film} cm at `image.spacing_mm`; their pictures take {pictures:.2g} s of a core
  each. A map is bound by memory. `test_share` says how much of a data set is taken to be its test.
- **RSNA** has no outlines to train on: maps of all its images, by a model like that of INbreast.
- A core of here stands for a core (a vCPU) of there. Not counted: bringing the files and reading
  them, a quarter of an hour for each 100 GB at 1 Gbit/s; `evaluate`, minutes for thousands of maps
  ([planning](planning.md)); the minutes of set-up, waiting for a spot machine, the minute that a
  pre-emption loses, disks and buckets.

Prices, {currency}, read on {date} and older than that; spot prices change by the hour:

{sources}
"""


def gpu_row(gpu: str) -> str:
    """Name of the row of a GPU among the benchmarks."""
    return f"cores that cut crops as fast as a {gpu} takes them (estimate, at most)"


@dataclass(frozen=True)
class Costs:
    """Measured seconds of a core.

    Attributes:
        preprocess: of a mammogram of `megapixels`.
        pictures: of a map.
        read: of a stored mammogram.
    """

    preprocess: float
    megapixels: float
    pictures: float
    read: float


@dataclass(frozen=True)
class Hours:
    """Of one data set on one machine.

    Attributes:
        gpu_crops, core_crops: that the GPU takes and the cores cut in a second.
    """

    preprocess: float
    train: float
    maps: float
    gpu_crops: float
    core_crops: float

    @property
    def all(self) -> float:
        return self.preprocess + self.train + self.maps


@dataclass(frozen=True)
class Work:
    """What is to be done for a data set, areas in megapixels.

    Attributes:
        files: area of all files.
        crops: area of all training crops.
        left_out: maps that training makes.
        tested: films that are mapped in the end, and maps of them.
        film: area of a stored film.
    """

    files: float
    crops: float
    left_out: float
    tested: tuple[float, float]
    film: float


def work_of(settings: Settings, images: int, given: Mapping[str, Any], film_cm: list) -> Work:
    """Work of a data set.

    Args:
        images: mammograms.
        given: its entry in cloud.json.
    """
    train, rule = settings.train, settings.maps
    area_mm2 = 100 * math.prod(film_cm)
    copies = rule.flips * sum(zoom**2 for zoom in rule.zooms)
    tested = images * given["test_share"]
    develop = images - tested
    crop_px = train.crop_mm / settings.image.spacing_mm
    steps = train.epochs * train.steps_per_epoch * train.members if develop else 0
    return Work(
        files=images * area_mm2 / given["pixel_mm"] ** 2 / _MEGA,
        crops=steps * train.batch * crop_px**2 / _MEGA,
        left_out=develop * (train.epochs + copies),
        tested=(tested, tested * train.members * copies),
        film=area_mm2 / settings.image.spacing_mm**2 / _MEGA,
    )


def hours_of(work: Work, gpu: Mapping[str, float], costs: Costs, cores: int, share: float) -> Hours:
    """What a machine takes.

    Args:
        gpu: seconds of TRAINED, MAPPED and CUT.
        share: of its roof that the GPU reaches.
    """
    crop = CROP_PX**2 / _MEGA
    preprocess = work.files * costs.preprocess / costs.megapixels / cores
    cut = work.crops / crop * gpu[CUT] / cores
    tested, maps = work.tested

    trained = work.crops / crop * gpu[TRAINED] / share
    one_map = work.film / crop * gpu[MAPPED] / share + costs.read
    return Hours(
        preprocess=preprocess / _HOUR,
        train=(max(trained, cut) + work.left_out * one_map) / _HOUR,
        maps=(maps * one_map + tested * costs.pictures / cores) / _HOUR,
        gpu_crops=share / gpu[TRAINED],
        core_crops=cores / gpu[CUT],
    )


def cloud_costs_markdown(docs: Path = Path("docs")) -> str:
    """The page.

    Args:
        docs: with data-sets.md, results/bench.json and results/cloud.json.
    """
    given = read_json(docs / "results" / "cloud.json")
    rows = {row["name"]: row for row in read_json(docs / "results" / "bench.json")}
    data_sets = (docs / "data-sets.md").read_text(encoding="utf-8")
    costs, (low, high) = _costs(rows), given["share_of_roof"]
    parts = []
    for each in given["data_sets"]:
        name, images = _set_of(each["importer"], data_sets)
        settings = build_settings(docs.parent / each["config"], {})
        work = work_of(settings, images, each, given["film_cm"])
        parts.append(_TABLE.format(name=name, images=images, config=each["config"]))
        for machine in given["machines"]:
            gpu = rows[gpu_row(machine["gpu"])]["seconds"]
            ends = [hours_of(work, gpu, costs, machine["cores"], share) for share in (high, low)]
            prices = machine["price"], machine["spot"]
            cells = (
                f"{machine['gpu']}: {machine['machine']}",
                str(machine["cores"]),
                _span(*(each.preprocess for each in ends)),
                _span(*(each.train for each in ends)),
                _span(*(each.maps for each in ends)),
                f"**{_span(*(each.all for each in ends))}**",
                *("" if p is None else _span(*(p * each.all for each in ends)) for p in prices),
                *(_crops(work, ends)),
            )
            parts.append(f"| {' | '.join(cells)} |\n")
    any_gpu = rows[gpu_row(given["machines"][0]["gpu"])]
    foot = _FOOT.format(
        currency=given["prices"]["currency"],
        date=given["prices"]["date"],
        sources="\n".join(f"- {source}" for source in given["prices"]["sources"]),
        measured="; ".join(given["measured_by_others"]),
        low=low,
        high=high,
        preprocess=costs.preprocess,
        megapixels=costs.megapixels,
        pictures=costs.pictures,
        crops=1 / any_gpu["seconds"][CUT],
        crop_px=CROP_PX,
        film=" x ".join(str(side) for side in given["film_cm"]),
    )
    head = _HEAD.format(hardware=any_gpu["hardware"], low=low, high=high)
    return head + "".join(parts) + foot


def _costs(rows: Mapping[str, Any]) -> Costs:
    def row_of(pattern: str) -> tuple[re.Match, Mapping[str, Any]]:
        return next((m, row) for name, row in rows.items() if (m := re.match(pattern, name)))

    size, preprocess = row_of(_PREPROCESS)
    return Costs(
        preprocess=preprocess["seconds"]["preprocess"],
        megapixels=int(size[1]) * int(size[2]) / _MEGA,
        pictures=row_of(_PICTURES)[1]["seconds"]["pictures"],
        read=row_of(_READ)[1]["seconds"]["mammogram"],
    )


def _set_of(importer: str, data_sets: str) -> tuple[str, int]:
    """Name and number of mammograms of a data set, from the table of data-sets.md."""
    found = re.search(rf"^\| \[([^]]+)\][^|]*\| `{importer}` \| ([\d,]+) ", data_sets, re.MULTILINE)
    if not found:
        raise ValueError(f"docs/data-sets.md has no mammograms of {importer} in its table")
    return found[1], int(found[2].replace(",", ""))


def _crops(work: Work, ends: list[Hours]) -> tuple[str, str]:
    if not work.crops:
        return "", ""
    return _span(*(each.gpu_crops for each in reversed(ends))), f"{ends[0].core_crops:,.0f}"


def _span(least: float, most: float) -> str:
    """Two numbers as one word where they are told as the same."""
    told = [f"{number:.2g}" if number < 10 else f"{number:,.0f}" for number in (least, most)]
    return told[0] if told[0] == told[1] else " to ".join(told)
