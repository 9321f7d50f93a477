"""How a mammogram and its map are drawn: the part that is shown, colours laid over it, marks.

Reads the store for the grey values; knows maps and outlines, and no network and no region.
"""
