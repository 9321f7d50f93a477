"""Synthetic mammograms with known lesions: what they show, and their folder of DICOM files.

`plan` says who has which lesions, `picture` draws one view, `writer` writes the folder and
`importer` reads it as a data set. Nothing here imports pandas but the importer: the workers that
draw start fast.
"""
