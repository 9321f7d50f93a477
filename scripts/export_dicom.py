"""Write the maps and regions of a run as DICOM objects that refer to the mammograms.

Reads   RUN after heatmap, the source files, the store
Writes  RUN/dicom/
Run     make export-dicom; make export-dicom IDENTIFIED=1 keeps names, birth dates and study
"""

import start
from pipeline.dicom_out.exported_run import export_dicom as export
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.run.stage import say_next


def export_dicom(run: start.Run, identified: bool = False) -> None:
    """Write the maps and regions of a run as DICOM objects that refer to the mammograms."""
    folder = RunFolder(run)
    with locked(folder):
        print(f"export-dicom: {export(folder, identified=identified)}")
        say_next("export-dicom", folder)


if __name__ == "__main__":
    start.command_line(export_dicom)
