"""TensorFlow imported without its two lines of chatter, which no setting turns off."""

import os
import sys
import tempfile

# Written before TensorFlow reads its log level; everything else is passed on.
CHATTER = (
    b"WARNING: All log messages before absl::InitializeLog()",
    b"oneDNN custom operations are on",
)


def import_tensorflow() -> None:
    """Import TensorFlow; what it writes to standard error comes after, less the chatter."""
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            lines = [line for line in written if not any(c in line for c in CHATTER)]
            os.write(2, b"".join(lines))
