"""Networks only: arrays in, logits out. Knows nothing of pipeline/."""

from models.freed_memory import keep_freed_memory
from models.quiet_import import import_tensorflow

keep_freed_memory()
import_tensorflow()
