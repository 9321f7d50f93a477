"""A data set becomes the catalog: images, findings, and what became of every file.

One importer for each data set (`importers.py` names them), the user's own tables, and the
phantom. Importers read tables and headers and decode no mammogram; what is not DICOM is wrapped
into DICOM here, and nothing after this room knows one data set from another.
"""
