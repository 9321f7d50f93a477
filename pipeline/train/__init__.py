"""From the patch table to a calibrated model: crops, loop, selection, calibration, export."""
