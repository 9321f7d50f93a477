"""The run folder: names of its files, atomic writes, checksums, the lock, the event log."""
