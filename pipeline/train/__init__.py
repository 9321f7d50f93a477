"""From the patch table to a calibrated model.

Here: the stage, what a training depends on, starts with and ends with, one network or several. In
data/ what is drawn, in loop/ how weights are trained. No maps of test patients, no pages.
"""
