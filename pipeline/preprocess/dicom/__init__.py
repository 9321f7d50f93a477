"""One DICOM file to stored values, grey values and the attributes of a mammogram."""
