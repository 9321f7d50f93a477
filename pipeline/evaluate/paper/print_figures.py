"""The plots of the evaluation as vectors for a column of a journal: the same drawing, another look.

Each is a PDF of 85 x 74 mm with DejaVu Sans, 7 points in labels and 6 in ticks and legend, embedded
as TrueType; what the title of a plot says is its caption.
"""

from pathlib import Path

from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import Judged
from pipeline.evaluate.plots import PLOTS, Look, draw_plot

WIDTH_MM, HEIGHT_MM = 85, 74
FONT, LABELS_PT, SMALL_PT = "DejaVu Sans", 7, 6
_MM_PER_INCH = 25.4
PRINT = Look(
    (WIDTH_MM / _MM_PER_INCH, HEIGHT_MM / _MM_PER_INCH),
    rc={
        "font.family": FONT,
        "font.size": LABELS_PT,
        **dict.fromkeys(("axes.labelsize", "axes.titlesize"), LABELS_PT),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), SMALL_PT),
        **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.5),
        "grid.linewidth": 0.4,
        "lines.linewidth": 1.0,
        "lines.markersize": 3.0,
        "pdf.fonttype": 42,  # TrueType, as journals ask for
    },
    titled=False,
    save={"metadata": {"CreationDate": None}},  # the same figures are the same bytes
)


def draw_for_print(judged: Judged, bootstrap: Bootstrap, folder: Path) -> dict[str, str]:
    """Draw what the data define into FOLDER/*.pdf and remove what an earlier evaluation drew.

    Returns:
        The caption of each file, by its name.
    """
    captions = {}
    for name in PLOTS:
        path = folder / f"{name}.pdf"
        title = draw_plot(name, judged, bootstrap, path, look=PRINT)
        if title:
            captions[path.name] = title.replace("\n", "; ")
    return captions
