"""The model: what a training leaves, and the maps that are made with it.

The card (model.json, read and written in card.py alone), the folder with the weights, calibration
and its fits, region threshold, map rule, the one way from a store entry to its map, candidates,
whose mammograms a model has seen, and what a run with MODEL takes over from it. No training, no
pictures, no figures of test patients.
"""
