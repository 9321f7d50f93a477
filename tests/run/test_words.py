from pipeline.run.words import aligned, duration, percent


def test_durations_are_written_as_people_say_them():
    assert [duration(s) for s in (45.2, 200, 7500)] == ["45 s", "3 min 20 s", "2 h 5 min"]


def test_a_share_never_looks_certain_unless_it_is():
    shares = (0, 0.00001, 0.0034, 0.0342, 0.34, 0.996, 0.99999, 1)
    assert [percent(s) for s in shares] == [
        "0 %", "<0.01 %", "0.34 %", "3.4 %", "34 %", "99.6 %", ">99.9 %", "100 %",
    ]  # fmt: skip


def test_a_table_for_the_terminal_is_as_wide_as_its_widest_cells():
    rows = [("", "before", "after"), ("temperature", "1.2", "1.25"), ("ece", "0.01", "undefined")]
    assert aligned(rows).splitlines() == [
        "             before      after",
        "temperature     1.2       1.25",
        "ece            0.01  undefined",
    ]


def test_a_share_at_the_highest_that_can_be_told_is_that_or_more():
    assert [percent(share, 27 / 28) for share in (27 / 28, 0.95, 0.999)] == [
        "96 % or more",
        "95 %",
        "96 % or more",
    ]
    assert percent(1.0, 1.0) == "100 %"
