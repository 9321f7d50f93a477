"""Networks only: arrays in, logits out. Knows nothing of pipeline/."""

from models.quiet_import import import_tensorflow

import_tensorflow()
