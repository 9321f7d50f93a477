"""The catalog becomes mammograms in standard form, a split, labelled positions and an intake.

The stage and its tables lie here; the store, the search for the breast, the audits and the intake
have rooms of their own below. Knows no network, and no data set by name.
"""
