"""What machines and people do to a run, done on purpose: `make faults`.

Each fault is a function that does harm in a folder of its own and says what was left; it raises
where the pipeline did not bear it. `fault.py` keeps the list of them, `child.py` runs stages in
processes that can be killed, `small_set.py` has the data that they are run on.
"""
