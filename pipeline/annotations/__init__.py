"""Outlines of findings: one type from the catalog to the labels.

What is about where a finding is lives here: the coordinates of the catalog, masks, `Outline` and
outlines.json, the geometry between original and standard pixels, and the label rule. No grey
values of mammograms, no networks, and nothing of one data set.
"""
