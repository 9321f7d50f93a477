"""The evaluate stage: what heatmap wrote against the truth, by the registry of metrics.

It reads tables and computes. What a metric is stands in `figures`, what people read in `report`.
"""
