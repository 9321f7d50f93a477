import re
from pathlib import Path

import pytest

from pipeline.ingest.findings_csv import COLUMNS, read_findings
from pipeline.run.errors import UserError

DOCS = Path(__file__).parents[2] / "docs" / "findings-csv.md"


def table(tmp_path, text: str) -> Path:
    path = tmp_path / "findings.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_of_the_documentation_is_read(tmp_path):
    example = re.search(r"```csv\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    rows = read_findings(table(tmp_path, example))
    assert [row.finding["geometry"] for row in rows] == ["circle", "box", "polygon", "none", "none"]
    assert rows[0].finding["coordinates"] == {"row": 1204, "col": 833, "radius": 61.5}
    assert rows[1].finding["coordinates"] == {"row0": 900, "col0": 400, "row1": 1020, "col1": 530}
    assert rows[2].finding["coordinates"] == [[700, 310], [702, 355], [751, 340]]
    assert rows[4].finding["kind"] == "normal"
    assert [row.of_image for row in rows] == [{}, {"complete": "no"}, {}, {}, {}]


def test_the_documentation_names_every_column():
    named = set(re.findall(r"`(\w+)`", DOCS.read_text()))
    assert set(COLUMNS) <= named


def test_a_table_from_a_european_spreadsheet_is_read(tmp_path):
    path = tmp_path / "findings.csv"
    path.write_text("File;Kind;Row;Col;Radius\r\na.dcm;Ill defined;10,5;20;3\r\n", "utf-8-sig")
    (row,) = read_findings(path)
    assert row.finding == {
        "finding_id": "",
        "kind": "ill_defined",
        "pathology": "unknown",
        "geometry": "circle",
        "coordinates": {"row": 10.5, "col": 20, "radius": 3},
    }


def test_the_corners_of_a_polygon_may_have_decimal_commas_too(tmp_path):
    text = 'file;kind;polygon\na;mass;"1,5 2; 30 4,25; 9 50"\n'
    (line,) = read_findings(table(tmp_path, text))
    assert line.finding["coordinates"] == [[1.5, 2], [30, 4.25], [9, 50]]
    pairs = 'file;kind;polygon\na;mass;"1,2; 30,4; 9,50"\n'  # of row,col
    with pytest.raises(UserError, match="line 2: polygon must be 'row col; row col"):
        read_findings(table(tmp_path, pairs))


def test_a_mask_is_looked_up_beside_the_table(tmp_path):
    (tmp_path / "mask.png").write_bytes(b"x")
    (row,) = read_findings(table(tmp_path, "file,kind,mask\na.dcm,mass,mask.png\n"))
    assert row.finding["coordinates"] == {"file": (tmp_path / "mask.png").as_posix()}


def test_a_table_with_tabs_is_read(tmp_path):
    (line,) = read_findings(table(tmp_path, "file\tkind\trow\tcol\tradius\na\tmass\t9\t8\t4\n"))
    assert line.finding["coordinates"] == {"row": 9, "col": 8, "radius": 4}


def test_blank_lines_and_further_columns_are_passed_over(tmp_path):
    (row,) = read_findings(table(tmp_path, "file,kind,remark\na.dcm,mass,seen\n,,\n"))
    assert row.finding["geometry"] == "none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,row\nmass,1\n", "must have the columns kind and file"),
        ("file,kind,raduis\na,mass,3\n", "Did you mean 'radius'"),
        ("file,kind\n,mass\n", "line 2: file .* is blank"),
        ("file,kind,row,col,radius\na,mass,1,2,3\nb,mass,1,x,3\n", "line 3: col must be a number"),
        ("file,kind,row,col,radius\na,mass,1,2,-3\n", "line 2: the radius must be positive"),
        ("file,kind,row0,col0,row1,col1\na,mass,9,9,1,1\n", "line 2: a box must have row0 < row1"),
        ("file,kind,polygon\na,mass,1 2; 3 4\n", "line 2: a polygon must be a list of three"),
        ("file,kind,polygon\na,mass,1 2 3; 4\n", "line 2: polygon must be 'row col"),
        ("file,kind,mask\na,mass,no.png\n", "line 2: the mask .*no.png does not exist"),
        ("file,kind,geometry\na,mass,blob\n", "line 2: geometry must be one of"),
        ("file,kind,geometry\na,mass,circle\n", "line 2: row must be a number, not ''"),
        ("file,kind,row,col,radius\na,normal,1,2,3\n", "line 2: kind normal cannot have"),
        ("file,kind,complete\na,mass,0\n", "line 2: complete must be yes or no, not '0'"),
        ("file,kind,complete\na,normal,no\n", "line 2: kind normal .* so complete is yes"),
        ("file,kind\na,mass,3,4\n", "line 2: more values than columns"),
        ("file,kind,row,col\na,mass,9,9\n", "line 2: row, col is given, which is no whole circle"),
        ("file,kind,row,row\na,mass,9,8\n", "line 2: the columns called row disagree"),
        ("file,kind,x,y,w,h\na,mass,9,8,2,2\n", "line 2: the columns x, y look like places"),
        ("file,kind,xmin,Y_Max\na,mass,9,8\n", "the columns xmin, y_max look like places"),
        (
            "file,kind,x,y,row,col,radius\na,mass,,,9,8,2\nb,mass,9,8,,,\n",
            "line 3: the columns x, y look like places",
        ),
        ("file,kind\na,No Finding\n", "line 2: kind 'No Finding' .* it is normal"),
        ("file,kind\na,o.B.\n", "line 2: kind 'o.B.' .* it is normal"),
        ("file,kind\na,Unauff\u00e4llig\n", "line 2: kind .* it is normal"),
        ("file,kind\na,N\u00e9gatif\n", "line 2: kind .* it is normal"),
        ("file,kind\na,BI-RADS 1\n", "line 2: kind 'BI-RADS 1' .* it is normal"),
        ("file,kind\na,4a\n", "line 2: kind must begin with a letter from a to z, not '4a'"),
        ("file,kind,pathology\na,mass,1\n", "line 2: pathology must begin with a letter"),
        ("file,kind\na,\u816b\u7624\n", "line 2: kind must begin with a letter from a to z"),
        ("file,kind,density\na,mass,5\n", "line 2: density must be 1 to 4 or a to d, not '5'"),
        ("file;kind;row;col;radius\na;mass;1.004;20;9\n", "line 2: 1.004 may have a point"),
        ("file;kind;row;col;radius\na;mass;1.004,5;20;9\n", "line 2: 1.004,5 may have a point"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_findings(table(tmp_path, text))


@pytest.mark.parametrize(
    ("row", "col", "radius"),
    [("1.004", "20.250", "9.125"), ("1.004", "20.5", "9"), (".5", "2", "9")],
)
def test_points_before_three_decimals_are_decimals_where_all_numbers_say_so(
    tmp_path, row, col, radius
):
    text = f"file;kind;row;col;radius\na;mass;{row};{col};{radius}\n"
    (line,) = read_findings(table(tmp_path, text))
    expected = {"row": float(row), "col": float(col), "radius": float(radius)}
    assert line.finding["coordinates"] == expected


def test_what_spreadsheets_put_in_front_of_the_header_is_passed_over(tmp_path):
    text = "sep=;\n\nfile;kind;row;col;radius\na;mass;10,5;20;9\nb;blob;x;1;1\n"
    with pytest.raises(UserError, match="line 5: row must be a number"):
        read_findings(table(tmp_path, text))


def test_a_table_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "findings.csv"
    path.write_bytes("file,kind\nä.dcm,mass\n".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_findings(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,kind,row0,col0,row1,col1\na,mass,0.45,0.2,0.52,0.28\n", "line 2: .* shares of the"),
        ("file,kind,row,col,radius\na,mass,0.58,0.27,0.06\n", "line 2: .* shares of the image"),
        ("file,kind,row,col,radius\na,mass,9,9,0.4\n", "line 2: it is smaller than a pixel"),
        ("file,kind,polygon\na,mass,.1 .2;.3 .4;.5 .2\n", "line 2: .* shares of the image"),
    ],
)
def test_places_that_are_no_pixels_are_refused_with_their_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_findings(table(tmp_path, text))
