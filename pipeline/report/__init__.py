"""What people read: a run's report, the model card, the page of a cross-validation, the README.

Templates read the files of the stages as they are; Python here gathers them and makes the
sentences that follow from several numbers. It computes no figure.
"""
