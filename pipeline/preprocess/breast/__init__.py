"""Where the breast is on a mammogram, and what else the film shows."""
