"""Synthetic mammograms with known lesions, written as DICOM."""

from pipeline.ingest.phantom.importer import read_phantom

__all__ = ["read_phantom"]
