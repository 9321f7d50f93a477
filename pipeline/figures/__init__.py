"""What says how good a model is: pure functions of arrays, and the registry of metrics over them.

`registry.METRICS` names every metric once. ROC and precision come from scikit-learn; FROC, the
judging of probabilities and the bootstrap over patients are here. No files and no TensorFlow.
"""
