"""AUC of an ideal reader on the phantom: the limit that no network can pass.

Reads   nothing: draws its pictures from the default phantom settings
Writes  nothing
Run     make phantom-ideal
"""

import argparse

import start  # noqa: F401
from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.ideal_reader import read_ideally, readings_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--contrast", type=float, default=PhantomSettings().contrast)
    given = parser.parse_args()
    print(
        readings_text(
            [read_ideally(PhantomSettings(seed=s, contrast=given.contrast)) for s in given.seeds]
        )
    )


if __name__ == "__main__":
    main()
