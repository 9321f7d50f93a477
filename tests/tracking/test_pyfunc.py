"""What the model in MLflow needs where it is served."""

import ast
import base64
import contextlib
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from types import ModuleType

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.run.layout import RunFolder
from pipeline.tracking.model_code import PACKAGES, ROOT, copy_code, relative_imports
from pipeline.tracking.pyfunc import NEEDS
from tests.dicom_samples import write_mammogram
from tests.model.cards import a_card
from tests.preprocess.four_women import film

# Imported where they are installed, by others that do without; setuptools by every process.
TRIED = {"setuptools", "click", "cloudpickle", "pyjpegls"}

# What answers need; the network itself needs TensorFlow and safetensors.
LOADED = """
import sys
from importlib.metadata import packages_distributions
import blosc2, pipeline.heatmap.answers, pipeline.model.folder
known = packages_distributions()
print(*{name for module in sys.modules for name in known.get(module.split(".")[0], [])})
"""


def brought_by(names: set[str]) -> set[str]:
    """Packages and all that they require, by normalised names."""
    found, waiting = set(), list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        with contextlib.suppress(PackageNotFoundError):
            needed = (Requirement(text) for text in requires(name) or ())
            waiting += [r.name for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    return found


def test_all_that_answers_import_is_required():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, check=True, capture_output=True, text=True
    )
    imported = {canonicalize_name(name) for name in done.stdout.split()}
    required = {name for names in NEEDS for name in names}
    assert imported - brought_by(required) <= TRIED


@pytest.fixture(scope="module")
def logged(tmp_path_factory) -> Path:
    """A model as MLflow keeps it."""
    from models.network import NetworkSpec, build_network
    from pipeline.model.folder import network_card, write_model
    from pipeline.tracking.pyfunc import log_model

    root = tmp_path_factory.mktemp("logged")
    network = build_network(NetworkSpec("valid", 32, width=4), seed=1)
    run = RunFolder(root / "run")
    card = a_card(
        network=dict(network_card(network.spec)),
        image={"spacing_mm": 0.2},
    )
    write_model(run, network, card, history="")
    uri = f"sqlite:///{root / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("e", artifact_location=(root / "artifacts").as_uri())
    made = client.create_run(experiment)
    log_model(run.model, run_id=made.info.run_id, uri=uri)
    return next(root.glob("artifacts/**/MLmodel")).parent


def copy_with(logged: Path, folder: Path, old: str, new: str) -> Path:
    """A logged model of another version of the code."""
    shutil.copytree(logged, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (file,) = folder.rglob("calibration.py")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return folder


@pytest.fixture
def host(monkeypatch) -> list[str]:
    """A program that has modules called models and pipeline; what is on its path."""
    for name in [n for n in sys.modules if n.split(".")[0] in ("models", "pipeline")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("models", "pipeline"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys, "path", list(sys.path))
    return list(sys.path)


@pytest.fixture(scope="module")
def mammogram(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("mammogram") / "a.dcm"
    spacing = {"ImagerPixelSpacing": [0.8, 0.8], "BitsStored": 12}
    return str(write_mammogram(path, film(1), **spacing))


def probabilities(model, mammogram: str) -> np.ndarray:
    (answer,) = model.predict(mammogram, params={"with_map": True})
    return np.array(answer["map"]["probability"], float)


def test_models_of_two_versions_answer_each_with_its_own_code(logged, mammogram, tmp_path, host):
    whole = "return np.asarray(expit(self.shown_logit("
    other = copy_with(logged, tmp_path / "other", whole, whole.replace("np.as", "1 - np.as"))
    first = mlflow.pyfunc.load_model(str(logged))
    second = mlflow.pyfunc.load_model(str(other))
    expected = probabilities(first, mammogram)
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(probabilities(second, mammogram), 1 - expected, rtol=1e-6)
    np.testing.assert_array_equal(probabilities(first, mammogram), expected)
    again = mlflow.pyfunc.load_model(str(logged))
    np.testing.assert_array_equal(probabilities(again, mammogram), expected)


def test_every_form_of_input_gets_an_answer_as_the_signature_says(logged, mammogram):
    model = mlflow.pyfunc.load_model(str(logged))
    content = Path(mammogram).read_bytes()
    forms = (mammogram, content, [mammogram], base64.b64encode(content).decode())
    frames = [pd.DataFrame({"file": [of]}) for of in (mammogram, content)]
    first, *others = (model.predict(form) for form in (*forms, *frames))
    assert all(other == first for other in others)
    (answer,) = model.predict(mammogram, params={"with_map": True})
    declared = model.metadata.get_output_schema()
    assert list(answer) == declared.input_names()
    columns = {column["name"]: column for column in declared.to_dict()}
    for name, value in answer.items():
        kinds = {"string": str, "long": int, "double": float, "array": list, "object": dict}
        assert isinstance(value, kinds[columns[name]["type"]] | None), name
    for name in ("regions", "candidates"):
        properties = columns[name]["items"]["properties"]
        assert all(set(row) == set(properties) for row in answer[name])
    assert answer["candidates"]
    assert model.predict(model.input_example)[0]["decision"] == "used"


def test_files_that_are_no_mammograms_are_refused_with_status_400_and_named(logged, mammogram):
    model = mlflow.pyfunc.load_model(str(logged))
    with pytest.raises(MlflowException, match=r"file 1: skipped: .*not DICOM") as refused:
        model.predict([b"Dear colleague"])
    assert refused.value.get_http_status_code() == 400
    with pytest.raises(MlflowException, match="spacing_mm") as wrong:
        model.predict(mammogram, params={"spacing_mm": -1.0})
    assert wrong.value.get_http_status_code() == 400
    used, other = model.predict([mammogram, b"Dear colleague"])
    assert (used["decision"], other["decision"]) == ("used", "skipped")


def test_a_program_keeps_its_own_modules_and_path(logged, host):
    own = sys.modules["models"], sys.modules["pipeline"]
    mlflow.pyfunc.load_model(str(logged))
    assert (sys.modules["models"], sys.modules["pipeline"]) == own
    assert sys.path == host


def test_a_model_works_whose_equal_was_loaded_from_a_folder_that_is_gone(
    logged, mammogram, tmp_path, host
):
    changed = copy_with(logged, tmp_path / "first", '"""From', '"""Changed, from')
    weights = next(changed.rglob("model.safetensors"))
    weights.rename(tmp_path / "aside")
    with pytest.raises(Exception, match="missing"):
        mlflow.pyfunc.load_model(str(changed))
    again = tmp_path / "again"
    shutil.move(changed, again)
    (tmp_path / "aside").rename(again / weights.relative_to(changed))
    assert probabilities(mlflow.pyfunc.load_model(str(again)), mammogram).size


def test_all_code_of_a_model_imports_the_project_by_place_alone(tmp_path):
    copied = [file for package in copy_code(tmp_path) for file in package.rglob("*.py")]
    assert copied
    for file in copied:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module)
            assert not {n.split(".")[0] for n in names} & set(PACKAGES), file


def test_imports_are_made_relative_wherever_they_stand():
    source = "from pipeline.run import (\n    code,\n)\ndef f():\n    import models; import numpy\n"
    expected = (
        "from ...pipeline.run import (\n    code,\n)\n"
        "def f():\n    from ... import models; import numpy\n"
    )
    assert relative_imports(source, depth=2) == expected
    with pytest.raises(ValueError, match=r"import models\.conv"):
        relative_imports("import models.conv", depth=1)


def test_a_model_whose_sending_was_interrupted_is_there_once_and_not_loaded(logged, monkeypatch):
    from pipeline.tracking.pyfunc import log_model

    loaded = []  # with TensorFlow, in the process that follows a stage
    monkeypatch.setattr(mlflow.pyfunc, "load_model", lambda *of, **_: loaded.append(of))

    root = next(p for p in logged.parents if (p / "mlflow.db").is_file())
    uri = f"sqlite:///{root / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("e").experiment_id
    run_id = client.create_run(experiment).info.run_id
    client.create_logged_model(experiment, "model", source_run_id=run_id)  # and no files
    for _ in range(2):
        log_model(root / "run" / "model", run_id=run_id, uri=uri)
        models = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
        assert [m.status.name for m in models] == ["READY"]
    assert loaded == []
