"""Everything that is installed is listed with a licence that lets people use it."""

import re
from pathlib import Path

import pytest

from pipeline.checkup.licences import licence_of, licences_markdown, pinned

ROOT = Path(__file__).parents[2]
PERMISSIVE = r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Zlib|ZPL|MPL"


def test_the_page_of_licences_is_current():
    page = (ROOT / "docs" / "licences.md").read_text()
    assert page == licences_markdown(ROOT), "run make docs"
    for lock in ROOT.glob("requirements*.lock"):
        assert [f"| {n} | {v} |" for n, v in pinned(lock) if f"| {n} | {v} |" not in page] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_is_listed_with_a_permissive_licence(lock):
    packages = [name for name, _ in pinned(ROOT / lock)]
    assert len(packages) > 50
    wrong = {p: licence_of(p) for p in packages if not re.search(PERMISSIVE, licence_of(p))}
    assert not wrong
    assert not [p for p in packages if re.search(r"GPL|SSPL|Commons", licence_of(p))]


def test_every_package_of_every_lock_has_hashes():
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert len(locks) == len(list(ROOT.glob("requirements*.in"))) >= 5
    for lock in locks:
        entries = re.split(r"^(?=[\w.-]+==)", lock.read_text(), flags=re.MULTILINE)[1:]
        assert entries and all("--hash=sha256:" in entry for entry in entries), lock


def test_set_up_installs_nothing_without_a_hash():
    for name in ("scripts/set_up.sh", "Makefile", "Dockerfile"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        installs = re.findall(r"pip install .*", text)
        assert all("--require-hashes" in line for line in installs), name


def test_a_package_that_says_nothing_is_not_passed_over():
    assert licence_of("no-such-package") == "not stated"
    assert "not stated" not in licences_markdown(ROOT)
