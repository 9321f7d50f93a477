"""What becomes of every file of the data set, before any label: intake.csv, counts, a page.

Nothing here changes a pixel or a label; the audits and the store have rooms of their own.
"""
