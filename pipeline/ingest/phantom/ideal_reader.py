"""How well an ideal reader finds the phantom's lesions: the upper limit for any network.

The reader knows the exact shape and place of the lesion in question and the power spectrum of
the background. For a Gaussian background the best it can do is a prewhitened matched filter:
both picture and lesion are divided by the square root of the spectrum, then multiplied.

Source: Burgess, Jacobson, Judy, Human observer detection experiments with mammograms and
power-law noise, Medical Physics 28(4), 2001, https://doi.org/10.1118/1.1355308
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.lesions import draw_lesion
from pipeline.ingest.phantom.picture import add_stamp, draw_picture
from pipeline.ingest.phantom.plan import (
    KINDS,
    RADIUS_MM,
    STRENGTH,
    VIEWS,
    Stream,
    plan_patient,
    stream,
)
from pipeline.ingest.phantom.texture import radial_power, windowed_spectra

SQUARE_MM = 25.6
SQUARES = 10  # of each picture
TEMPLATES = 10  # of each kind
# The same lesions made fainter show how far from the limit the phantom is.
FAINTER = (1.0, 0.1, 0.05, 0.02)


@dataclass(frozen=True)
class Reading:
    """What one seed gave; each AUC is a mean over lesions."""

    seed: int
    known: dict[float, float]  # AUC by factor on the contrast; it knows which lesion it may be
    unknown: float  # AUC at factor 1; it knows all lesions, but not which one it may be
    by_kind: dict[str, float]  # AUC of a kind at factor 1
    detectability: dict[str, float]  # d' of a kind at factor 1: gain / standard deviation
    faintest: float  # AUC of the lesion that is hardest, at factor 1
    backgrounds: int
    templates: int


def read_ideally(phantom: PhantomSettings, *, pictures: int = 40) -> Reading:
    """Judge the ideal reader on squares from the breasts of women without lesions.

    The spectrum comes from one half of the pictures, the squares it is judged on from the
    other half; each is shown without and with each lesion in its centre.
    """
    squares = _backgrounds(phantom, pictures)
    half = len(squares) // 2
    ring, power = radial_power(squares[:half])
    weight = 1 / np.sqrt(power[ring])  # (n, n), of each frequency
    weight[0, 0] = 0  # the mean grey value of a square tells little and varies much
    kinds, templates = _templates(phantom, squares.shape[-1], pictures)
    # (squares or templates, frequencies), whitened, so that responses are inner products
    absent, lesions = (
        (windowed_spectra(shown) * weight).reshape(len(shown), -1)
        for shown in (squares[half:], templates)
    )
    noise = (absent @ lesions.conj().T).real  # (squares, templates)
    overlap = (lesions @ lesions.conj().T).real  # response of filter b to lesion a
    gain = np.diag(overlap)  # response to the lesion that the filter is for
    aucs = {
        f: np.array([_auc(n, n + f * g) for n, g in zip(noise.T, gain, strict=True)])
        for f in FAINTER
    }
    detectability = gain / noise.std(axis=0)
    seen = [_any_lesion(noise + overlap[t], gain) for t in range(len(kinds))]
    return Reading(
        seed=phantom.seed,
        known={f: float(auc.mean()) for f, auc in aucs.items()},
        unknown=_auc(_any_lesion(noise, gain), np.concatenate(seen)),
        by_kind={k: float(aucs[1.0][kinds == k].mean()) for k in KINDS},
        detectability={k: float(np.median(detectability[kinds == k])) for k in KINDS},
        faintest=float(aucs[1.0].min()),
        backgrounds=len(noise),
        templates=len(kinds),
    )


def _backgrounds(phantom: PhantomSettings, pictures: int) -> np.ndarray:
    """(squares, n, n) float32 grey values from inside breasts without lesions."""
    healthy = phantom.model_copy(update={"abnormal_share": 0.0})
    n = 2 * round(SQUARE_MM / phantom.spacing_mm / 2)
    squares = []
    for index in range(pictures):
        view = VIEWS[index % len(VIEWS)]
        picture = draw_picture(plan_patient(index, healthy), "L", view, healthy)
        # Upper left corners of all squares that lie in the breast.
        rows, cols = (np.arange(0, size - n, n // 16) for size in picture.breast.shape)
        inside = np.ones((rows.size, cols.size), bool)
        for down in (0, n // 2, n):  # an outline as round as a breast needs no more points
            for right in (0, n // 2, n):
                inside &= picture.breast[np.ix_(rows + down, cols + right)]
        corners = np.argwhere(inside)
        rng = stream(phantom.seed, Stream.READER, index)
        for r, c in corners[rng.choice(len(corners), min(SQUARES, len(corners)), replace=False)]:
            squares.append(picture.pixels[rows[r] : rows[r] + n, cols[c] : cols[c] + n])
    return np.stack(squares).astype(np.float32)


def _templates(phantom: PhantomSettings, n: int, pictures: int) -> tuple[np.ndarray, np.ndarray]:
    """Kinds and (lesions, n, n) float32 grey values of lesions in the centre of a square."""
    kinds = np.repeat(KINDS, TEMPLATES)
    signals = np.zeros((len(kinds), n, n), np.float32)
    for number, kind in enumerate(kinds):
        rng = stream(phantom.seed, Stream.READER, pictures + number)
        signal, _ = draw_lesion(
            kind,
            radius_mm=rng.uniform(*RADIUS_MM),
            contrast=rng.uniform(*STRENGTH) * phantom.contrast,
            spacing_mm=phantom.spacing_mm,
            rng=rng,
        )
        add_stamp(signals[number], signal, n // 2, n // 2)
    return kinds, signals


def _any_lesion(response: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Log of the mean likelihood ratio over all lesions; (squares,)."""
    return logsumexp(response - energy / 2, b=1 / len(energy), axis=1)


def _auc(absent: np.ndarray, present: np.ndarray) -> float:
    truth = np.repeat([0, 1], [len(absent), len(present)])
    return float(roc_auc_score(truth, np.concatenate([absent, present])))


def readings_text(readings: list[Reading]) -> str:
    """The numbers of all seeds and their means, as lines of text."""
    first = readings[0]
    known = {factor: np.mean([r.known[factor] for r in readings]) for factor in FAINTER}
    lines = [
        "Ideal reader: prewhitened matched filter that knows the template and place of a lesion.",
        f"{first.backgrounds} backgrounds without and with each of {first.templates} lesions; "
        f"seeds {', '.join(str(r.seed) for r in readings)}.",
        f"AUC {known[1.0]:.4f}",
    ]
    for r in readings:
        kinds = (f"{kind} {r.by_kind[kind]:.4f} (d' {r.detectability[kind]:.0f})" for kind in KINDS)
        told = f"{', '.join(kinds)}; hardest {r.faintest:.4f}"
        lines.append(f"  seed {r.seed}: {r.known[1.0]:.4f}; {told}")
    unknown = np.mean([r.unknown for r in readings])
    lines.append(f"  not told which lesion it may be: {unknown:.4f}")
    lines += [f"  lesions of {f} of the contrast: {known[f]:.4f}" for f in FAINTER[1:]]
    return "\n".join(lines)
