"""What the report says about the audits: shortcuts, sources, outlines, what occurs twice."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.run.layout import RunFolder

MOST_ROWS = 40


@dataclass(frozen=True)
class SourceRow:
    """A value of data set, site or scanner; `kinds` says which kinds of images it has."""

    source: str
    name: str
    patients: int
    positive: int
    negative: int
    kinds: str


@dataclass(frozen=True)
class Audits:
    """audit.json, ready to be read.

    Attributes:
        warnings, remarks: sentences.
        kinds: the two kinds of images that are told apart, for the head of the table.
        told: (what from, AUC, interval or reason) of each attempt to tell them apart.
        sources: values of those sources that have several, the largest first.
        more_sources: how many are left out.
        problems: (finding, what is wrong with its outline).
        twice: sentences about mammograms and circles that occur twice; None before preprocess.
    """

    warnings: list[str]
    remarks: list[str]
    kinds: list[str]
    told: list[tuple[str, str, str]]
    sources: list[SourceRow]
    more_sources: int
    problems: list[tuple[str, str]]
    twice: list[str] | None


def read_audits(run: RunFolder) -> Audits | None:
    """The audits of a run; None before intake."""
    if not run.audit.is_file():
        return None
    audit = json.loads(run.audit.read_text(encoding="utf-8"))
    kinds = audit["shortcut"]["kinds"]
    rows = _source_rows(audit["sources"], kinds)
    told = [("air, borders and size of the image", audit["shortcut"]["auc"])]
    told += [(f"{s['source']} alone", s["auc"]) for s in audit["sources"]]
    return Audits(
        warnings=[f["text"] for f in audit["findings"] if f["level"] == "warning"],
        remarks=[f["text"] for f in audit["findings"] if f["level"] != "warning"],
        kinds=kinds,
        told=[(what, *_figure(auc)) for what, auc in told],
        sources=rows[:MOST_ROWS],
        more_sources=len(rows[MOST_ROWS:]),
        problems=[(p["finding_id"], p["problem"]) for p in audit["labels"]["problems"]],
        twice=_twice(run),
    )


def _source_rows(sources: Iterable[Mapping], kinds: list[str]) -> list[SourceRow]:
    rows = [
        SourceRow(
            source=source["source"],
            name=row["name"],
            patients=row["patients"],
            positive=row["positive"],
            negative=row["negative"],
            kinds=f"{kinds[row['positive'] == 0]} only" if row["one_class"] else "both kinds",
        )
        for source in sources
        if len(source["rows"]) > 1
        for row in source["rows"]
    ]
    order = [source["source"] for source in sources]
    return sorted(rows, key=lambda row: (order.index(row.source), -row.patients, row.name))


def _figure(auc: Mapping) -> tuple[str, str]:
    if auc["value"] is None:
        return "–", auc["reason"]
    if auc["low"] is None:
        return f"{auc['value']:.3f}", auc["reason"]
    return f"{auc['value']:.3f}", f"{auc['low']:.3f} to {auc['high']:.3f}"


def _twice(run: RunFolder) -> list[str] | None:
    if not run.preprocess_summary.is_file():
        return None
    return json.loads(run.preprocess_summary.read_text(encoding="utf-8")).get("twice")
