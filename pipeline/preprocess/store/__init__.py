"""The store: mammograms in standard form, made once and shared by all runs."""
