"""Which file of a run answers which item of CLAIM 2024 and TRIPOD+AI, and what a person must add.

The items stand in checklists.csv beside this file: the numbers are those of the guidelines, the
words are ours; the guidelines' own are to be read before a manuscript is sent.

Sources: CLAIM 2024 update, Tejani et al. 2024, doi:10.1148/ryai.240300; TRIPOD+AI, Collins et al.
    2024, doi:10.1136/bmj-2023-078378.
"""

from pathlib import Path

import pandas as pd

from pipeline.run.csv_tables import read_csv_table
from pipeline.run.layout import RunFolder

_SOURCE = Path(__file__).parent / "checklists.csv"
HERE, ABSENT, PERSON = "here", "not in this run", "a person"


def checklists(run: RunFolder) -> pd.DataFrame:
    """The items with `state`: whether the file that answers is there, or a person must answer.

    What evaluate itself writes counts as there.

    Returns:
        Columns guideline, item, about, file, section, person, state; all text.
    """
    items = read_csv_table(_SOURCE, written_by="the repository")
    own = (run.metrics, run.report, run.model_card)

    def state(name: str) -> str:
        path = run.root / name
        if not name:
            return PERSON
        return HERE if path in own or path.is_file() else ABSENT

    return items.assign(state=items["file"].map(state))
