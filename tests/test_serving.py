"""The examples of docs/serving.md, tried on one server."""

import asyncio
import contextlib
import http.client
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
from starlette.responses import PlainTextResponse

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
    said = []
    for sign in ("application/json", "application/dicom"):
        shell = example("sh", sign).replace("127.0.0.1:5001", address)
        done = subprocess.run(
            ["bash", "-c", shell], cwd=root, check=True, capture_output=True, text=True
        )
        said.append(done.stdout)
    assert '"decision": "used"' in said[0]
    assert said[0] == said[1]  # the file as it is and in base64


def answer_of(address: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    host, port = address.split(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port))) as connection:
        connection.request("POST", "/invocations", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "file 1: "), (b"Dear colleague", "not DICOM"), (b"\0" * 10**6, "zeros")],
)
def test_a_body_that_is_no_mammogram_gets_a_400(server, body, words):
    kind = {"Content-Type": "Application/DICOM; transfer-syntax=*"}
    status, said = answer_of(server[0], body, kind)
    assert status == 400
    assert words in said
    assert len(said) < 1000


@pytest.mark.parametrize("kind", ["image/png", "application/x-www-form-urlencoded", None])
def test_another_content_type_is_told_which_are_taken(server, kind):
    status, said = answer_of(server[0], b"DICM", {"Content-Type": kind} if kind else {})
    assert status == 415
    assert "application/dicom" in said
    assert "application/json" in said


@pytest.mark.parametrize("kind", [b"application/dicom", b"application/json"])
@pytest.mark.parametrize(("size", "status"), [(10, 200), (11, 413)])
def test_a_request_that_is_too_large_does_not_reach_the_model(kind, size, status):
    from pipeline.tracking.dicom_body import DicomBody

    async def receive():
        return {"type": "http.request", "body": b"a" * size}

    async def send(message):
        said.append(message)

    said = []
    app = DicomBody(PlainTextResponse("an answer"), most_bytes=10)
    request = {"type": "http", "method": "POST", "path": "/invocations"}
    asyncio.run(app({**request, "headers": [(b"content-type", kind)]}, receive, send))
    assert said[0]["status"] == status


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
