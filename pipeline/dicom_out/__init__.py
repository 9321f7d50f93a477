"""DICOM out: the maps and regions of a run as objects that go back beside the mammograms.

What an object takes over from its source (source_image) and says of its making (object_origin), the
plane of the detector (detector_plane), and the four objects: parametric_map, segmentation,
secondary_capture, structured_report; `exported_run` writes them. docs/dicom-out.md says what each
holds. Nothing here computes a probability or finds a region: maps and tables are the heatmap's.
"""
