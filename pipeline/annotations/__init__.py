"""Outlines of findings, from the forms that data sets use to the label of a position."""
