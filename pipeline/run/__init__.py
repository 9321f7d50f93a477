"""What all stages share and no science: the run folder, the stage graph, settings of a run, files.

Names of files, atomic writes, tables and checksums, the lock and the event log, work over images in
a pool of processes, progress and words. Nothing here knows what a mammogram is.
"""
