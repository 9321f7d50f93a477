import json
import sys

from tests.benchmarks import __main__ as runner
from tests.benchmarks import bench_reader


def test_the_benchmarks_run_and_keep_their_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_reader, "SHAPE", (64, 48))
    kept = tmp_path / "bench.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--repeats", "1", "--json", str(kept)])
    runner.main()
    found = json.loads(kept.read_text())
    assert set(found) == {"hardware", "date", "results"}
    assert set(found["results"]["reader"]["milliseconds"]) == {"decode", "read", "pydicom"}
    assert found["results"]["labels"]["positives"] > 5000
    assert "reader" in capsys.readouterr().out
