"""What the heatmap stage draws: colours, places on a picture, marks, and the two map pictures.

Reads the store for the grey values; knows maps, regions and outlines, and no network.
"""
