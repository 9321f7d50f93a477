"""RUN/paper: what a manuscript takes over from an evaluated run.

Marks for programs that analyse reader studies, figures as vectors, checklists, the data dictionary.
It computes no figure of its own: they stand in metrics.json.
"""
