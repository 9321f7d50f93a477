"""What a training leaves: model.json, weights, calibration, threshold; and maps made with it."""
