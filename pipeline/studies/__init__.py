"""Experiments over several runs: cross-validation, comparisons, ablation, controls, calibration.

They bring run folders below their own up to a stage, judge them together and write one JSON file
each. No stage imports them.
"""
