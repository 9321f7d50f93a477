"""DDSM-style image folders: films that come as pictures and not as DICOM.

`films` reads the original tree, with an .ics file for each case and outlines as OVERLAY files;
`pictures_folder` any other folder of PNG or TIFF mammograms, with the user's own findings.csv. Each
picture becomes a DICOM file below store.root, a copy of about the size of the LJPEG file.
"""

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.ddsm.case import case_name
from pipeline.ingest.ddsm.films import read_films
from pipeline.ingest.ddsm.pictures_folder import read_pictures
from pipeline.ingest.importers import Request


def read(request: Request) -> Catalog:
    """Catalog of the original tree where there is an .ics file, else of a folder of pictures.

    Raises:
        UserError: there is nothing to read, or a table makes no sense.
    """
    is_original = any(case_name(file.path.name) for file in request.files)
    return read_films(request) if is_original else read_pictures(request)
