"""Looking at one file and at this machine, without a run."""
