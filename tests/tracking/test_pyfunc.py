"""What the model in MLflow needs where it is served."""

import subprocess
import sys

from pipeline.tracking.pyfunc import CODE, NEEDS

# Reading a card and its calibration; the network itself needs TensorFlow and safetensors.
LOADED = """
import sys
from importlib.metadata import packages_distributions
import pipeline.model.card, pipeline.model.folder
known = packages_distributions()
print(*{name for module in sys.modules for name in known.get(module.split(".")[0], [])})
"""
# What those that are needed bring with them.
BROUGHT = {
    *("annotated-types", "pydantic_core", "typing-inspection", "typing_extensions"),
    *("setuptools", "charset-normalizer"),
}


def test_all_that_reading_a_model_imports_is_required():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=CODE, check=True, capture_output=True, text=True
    )
    assert set(done.stdout.split()) - BROUGHT <= {name for names in NEEDS for name in names}
