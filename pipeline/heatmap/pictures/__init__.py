"""What the heatmap stage shows of a mammogram: the two map pictures, and what the viewer needs."""
