"""Whether the data would teach a network something else than tissue."""
