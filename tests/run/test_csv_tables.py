"""CSV tables: those of the pipeline come back as they were, those of others with clear errors."""

import pandas as pd
import pytest

from pipeline.run.csv_tables import csv_text, read_csv_table, read_text_table, write_csv
from pipeline.run.errors import UserError


def _file(tmp_path, content: str | bytes):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _own(path, types=None, **options):
    return read_csv_table(path, types, written_by="make heatmap", **options)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    table = pd.DataFrame(
        {"image_id": ["0012", "NA"], "site": ["", "a,b"], "score": [0.1 + 0.2, float("nan")]}
    )
    write_csv(tmp_path / "table.csv", table)
    back = _own(tmp_path / "table.csv", {"score": "float64"})
    pd.testing.assert_frame_equal(back, table)


def test_the_same_table_is_the_same_bytes_and_lines_end_alike(tmp_path):
    table = pd.DataFrame({"a": [1 / 3], "b": ["x"]})
    write_csv(tmp_path / "table.csv", table, float_format="%.9g")
    assert (tmp_path / "table.csv").read_bytes() == b"a,b\n0.333333333,x\n"
    assert csv_text(table) == "a,b\n0.3333333333333333,x\n"


def test_columns_that_are_not_named_are_text_or_numbers(tmp_path):
    path = _file(tmp_path, "image_id,rank,logit_sd\n007,1,\n")
    assert _own(path).loc[0].tolist() == ["007", "1", ""]
    numbers = _own(path, {"image_id": str}, rest=None)
    assert numbers["image_id"].tolist() == ["007"]
    assert numbers["rank"].tolist() == [1]
    assert numbers["logit_sd"].isna().all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image_id\na\n", r"table.csv lacks the columns rank. make heatmap FORCE=1"),
        ("image_id,rank\na,one\n", r"table.csv is damaged: .*one"),
        ("image_id,rank\na,1,2,3\nb,1\n", r"table.csv is damaged"),
        ("", r"table.csv is damaged: No columns"),
        (b"image_id,rank\n\xff,1\n", r"table.csv is damaged"),
    ],
)
def test_a_table_that_is_not_as_the_pipeline_writes_it_is_refused(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        _own(_file(tmp_path, content), {"rank": "int64"})


def test_a_table_that_is_not_there_says_what_writes_it(tmp_path):
    with pytest.raises(UserError, match=r"table.csv is missing. make heatmap writes it."):
        _own(tmp_path / "table.csv")


def test_a_text_table_has_its_lines_with_their_places_and_without_blanks(tmp_path):
    path = _file(tmp_path, '\ufeffFile ; kind\r\n a.dcm;"x;\r\ny"\r\n;\r\nb.dcm\r\n')
    table = read_text_table(path, separators=",;", rename=lambda cell: cell.strip().lower())
    assert table.columns == ["file", "kind"]
    assert table.separator == ";"
    assert table.rows == [
        (f"{path}, line 3", {"file": "a.dcm", "kind": "x;\r\ny"}),
        (f"{path}, line 5", {"file": "b.dcm", "kind": ""}),
    ]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"file\n\xff\n", {}, "table.csv is not UTF-8. Look."),
        ("file\na\n", {"needed": {"file", "kind"}}, "table.csv lacks the columns kind. Look."),
        (
            "file,kind\na,b,c\n",
            {},
            r"line 2: more .* columns \(3 values and 2 columns, file, kind\). Look.",
        ),
        ("file,kind\na\n", {"whole_lines": True}, "table.csv, line 2: fewer values than"),
        ("file\n" + "x" * 140_000, {}, "table.csv, line 2: field larger than field limit"),
    ],
)
def test_a_text_table_that_is_wrong_says_where_and_what_to_do(tmp_path, content, options, message):
    with pytest.raises(UserError, match=message):
        read_text_table(_file(tmp_path, content), advice="Look.", **options)


def test_a_lenient_text_table_passes_over_what_does_not_matter(tmp_path):
    table = read_text_table(_file(tmp_path, b"file,kind\na,\xff,more\n"), lenient=True)
    assert [cells for _, cells in table.rows] == [{"file": "a", "kind": "�"}]


def test_a_text_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match=r"table.csv is missing"):
        read_text_table(tmp_path / "table.csv")
