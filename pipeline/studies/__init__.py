"""Experiments over several runs. They run the stages; no stage imports them."""
