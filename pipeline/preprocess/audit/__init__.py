"""Whether the data would teach a network something else than tissue, and whether the split leaks.

`audit.py` runs the audits that warn; `leakage.py` is the gate that stops. What they need of the
pixels (`background.py`, `signature.py`) is measured once, when a mammogram is standardised.
"""
