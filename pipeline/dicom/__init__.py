"""One DICOM file <-> pixels, spacing, side, view, and whether it is a mammogram we look for.

The only room that reads tags, decodes or writes DICOM. `mammogram.read_mammogram` reads a
mammogram, `header.read_header` what a file says of itself, `any_pixels` masks, and `write` writes.
What is made of the pixels afterwards, and which files a data set has, belongs elsewhere.
"""
