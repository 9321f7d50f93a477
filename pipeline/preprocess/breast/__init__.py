"""Where the breast is on a mammogram, and what else the film shows; pure functions of arrays.

`finder.py` is the way in; `original_masks.py` alone writes files. No labels and no DICOM here.
"""
