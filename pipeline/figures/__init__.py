"""Pure functions of arrays: ranking, FROC, calibration, bootstrap. No files, no TensorFlow."""
