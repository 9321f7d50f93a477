"""How every page is made: a template, the words of its numbers, one style, pictures inside.

Nothing here knows what a page is about; the templates lie beside the code that fills them.
"""
