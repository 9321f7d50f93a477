"""What becomes of every file, as tables, figures and a page."""
