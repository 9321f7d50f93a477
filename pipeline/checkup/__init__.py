"""Looking at one file (make inspect) and at this machine (make doctor), without a run.

What is looked at is described and judged here; how a file is read is the room dicom's.
"""
