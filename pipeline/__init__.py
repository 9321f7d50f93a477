"""Mammogram in, probability of abnormality for every area out; one folder per stage."""
