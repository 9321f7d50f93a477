"""One DICOM file to pixels, spacing, side, view, decision; nothing else reads tags or decodes."""
