"""Models out: the network of a model for programs that do without this pipeline.

The forms it is written in and read back from (formats), what has to be done before and after it
(how_to_use), the page of the folder (hub_page); `exported_model` writes them. docs/exporting.md
says how to use each.
"""
