"""What is said of the machine."""

import psutil

from pipeline.run.hardware import free_memory_bytes


def container(folder, limit):
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("600\n")
    (folder / "memory.stat").write_text("anon 200\ninactive_file 150\nactive_file 250\n")
    return folder


def test_a_container_has_its_limit_less_what_cannot_be_given_back(tmp_path):
    assert free_memory_bytes(container(tmp_path, 1000)) == 550


def test_without_a_limit_it_is_the_memory_of_the_machine(tmp_path):
    for folder in (container(tmp_path, "max"), tmp_path / "none"):
        assert 1 < free_memory_bytes(folder) / psutil.virtual_memory().available + 0.5 < 2
