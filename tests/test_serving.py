"""The examples of docs/serving.md, tried on one server."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pipeline.run.layout import RunFolder
from tests.dicom_samples import write_mammogram
from tests.model.cards import a_card
from tests.preprocess.four_women import film

ROOT = Path(__file__).parents[1]


def example(language: str, sign: str) -> str:
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    (found,) = (b for b in re.findall(rf"```{language}\n(.*?)```", page, re.S) if sign in b)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server, and the folder with a mammogram.dcm."""
    from models.network import NetworkSpec, build_network
    from pipeline.model.folder import network_card, write_model

    root = tmp_path_factory.mktemp("serving")
    network = build_network(NetworkSpec("valid", 32, width=4), seed=1)
    card = a_card(network=dict(network_card(network.spec)), image={"spacing_mm": 0.2})
    write_model(RunFolder(root / "run"), network, card, history="")
    spacing = {"ImagerPixelSpacing": [0.8, 0.8], "BitsStored": 12}
    write_mammogram(root / "mammogram.dcm", film(1), **spacing)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # An environment that is not activated: none of its programs is on the path.
    bare = {**os.environ, "PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "2"}
    words = ["scripts/serve.py", "--run", str(root / "run"), "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=bare, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = []
            while process.poll() is None and "answers at" not in "".join(lines):
                lines.append(process.stdout.readline())
            assert process.poll() is None, lines
            yield f"127.0.0.1:{port}", root
        finally:
            process.terminate()
            process.wait()
    with socket.socket() as probe:  # and the server is gone with it
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_examples_get_answers(server):
    address, root = server
    python = example("python", "urllib").replace("127.0.0.1:5001", address)
    done = subprocess.run(
        [sys.executable, "-c", python], cwd=root, check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("used L CC")
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("there is no curl here")
    shell = example("sh", "curl").replace("127.0.0.1:5001", address)
    done = subprocess.run(
        ["bash", "-c", shell], cwd=root, check=True, capture_output=True, text=True
    )
    assert '"decision": "used"' in done.stdout


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"inputs": ["RGVhciBjb2xsZWFndWU="]}', "not DICOM"),
        ('{"inputs": ["%s"]}' % ("RGVh" * 25_000), "file 1: skipped: not DICOM"),
        ('{"inputs": ["/etc/hostname"]}', "base64"),
        ('{"inputs": []}', ""),
        ("nothing", "JSON"),
    ],
)
def test_bad_input_gets_a_400_that_says_what_is_wrong(server, body, words):
    request = urllib.request.Request(
        f"http://{server[0]}/invocations", body.encode(), {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    said = refused.value.read().decode()
    assert words in said
    assert len(said) < 1000  # the file is not sent back


def test_a_request_under_another_name_is_refused(server):
    request = urllib.request.Request(f"http://{server[0]}/ping", headers={"Host": "elsewhere.org"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)
