"""The heatmap stage: from a mammogram to its map, candidates, regions and pictures.

Which maps are made anew and which are kept (map_set), areas above the threshold (regions), the
tables that evaluate reads (image_tables), and what is drawn (pictures). How a map is made from a
network is the model's; what the tables are worth is for evaluate to say.
"""
