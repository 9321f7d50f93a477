"""The store: mammograms in standard form, made once and shared by all runs.

`standardise` makes the form from a decoded mammogram, `entries` keeps it as files and gives it
back, also as network input, and `fill` brings a catalog into the store. Nothing of splits, labels
or findings.
"""
