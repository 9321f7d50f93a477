"""TensorFlow imported without its two lines of chatter, sooner, and sparing with a GPU's memory."""

import os
import sys
import tempfile
import threading

# Written before TensorFlow reads its log level; everything else is passed on.
CHATTER = (
    b"WARNING: All log messages before absl::InitializeLog()",
    b"oneDNN custom operations are on",
)
# Keras imports them where they are there, for plots and wrappers that nobody here calls. Together
# they are a quarter of the processor time: 10.0 to 11.0 s with them, 7.9 s without.
NOT_NEEDED = ("matplotlib", "sklearn")


def import_tensorflow() -> None:
    """Import TensorFlow; what it writes to standard error comes after, less the chatter."""
    if "tensorflow" in sys.modules:
        return
    # Not in a program that has other threads, which may import them at this moment.
    alone = threading.active_count() == 1
    hidden = [name for name in NOT_NEEDED if alone and name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    # All of it at once, as TensorFlow would, keeps others and the next stage off the GPU.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            for name in hidden:
                del sys.modules[name]
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            lines = [line for line in written if not any(c in line for c in CHATTER)]
            os.write(2, b"".join(lines))
