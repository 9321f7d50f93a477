"""AUC of an ideal reader on the phantom: the limit that no network can pass.

Reads   nothing: draws its pictures from the default phantom settings
Writes  nothing
Run     make phantom-ideal
"""

import start
from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.ideal_reader import read_ideally, readings_text


def phantom_ideal(
    seeds: tuple[int, int, int] = (1, 2, 3), contrast: float = PhantomSettings().contrast
) -> None:
    """AUC of an ideal reader on phantoms of three seeds."""
    phantoms = [PhantomSettings(seed=seed, contrast=contrast) for seed in seeds]
    print(readings_text([read_ideally(phantom) for phantom in phantoms]))


if __name__ == "__main__":
    start.command_line(phantom_ideal)
