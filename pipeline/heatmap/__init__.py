"""Mammogram -> probability map -> candidates, regions, overlay."""
