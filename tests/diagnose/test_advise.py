import csv
import json
import math

import pytest

from epochwise.diagnose.advice import table_advice
from epochwise.diagnose.table import reading
from epochwise.report.table import COLUMNS


def written(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def advice(path, *, maximize=False, **named):
    return table_advice(path, named, maximize=maximize)


GRID = [(32, 1, 1.9), (32, 4, 1.5), (128, 1, 1.6), (128, 4, 1.2)]


def test_columns_are_found_by_their_usual_names(tmp_path):
    table = written(tmp_path / "t.csv", ["Train Size", "num_epochs", "eval/loss"], GRID)
    found = advice(table)
    assert found.finding.cell == {"data.size": 128, "train.epochs": 4}
    assert found.finding.loss == pytest.approx(1.2)
    assert found.finding.sure
    assert "loss: eval/loss" in found.notes[0]


def test_columns_of_other_names_are_named(tmp_path):
    table = written(tmp_path / "t.csv", ["S", "E", "L"], GRID)
    assert advice(table, size="S", epochs="E", loss="L").finding.cell["train.epochs"] == 4
    with pytest.raises(ValueError, match="no column for size .*S, E, L.*--size"):
        advice(table)


def test_all_forms_of_one_table_give_one_answer(tmp_path):
    header = ["rows", "epochs", "loss"]
    objects = [dict(zip(header, row, strict=True)) for row in GRID]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, objects)))
    (tmp_path / "t.json").write_text(json.dumps(objects))
    lists = {name: [row[i] for row in GRID] for i, name in enumerate(header)}
    (tmp_path / "lists.json").write_text(json.dumps(lists))
    lines = ["\t".join(map(str, row)) for row in [header, *GRID]]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    written(tmp_path / "t.csv", header, GRID)
    answers = {file.name: advice(file).finding for file in tmp_path.iterdir()}
    assert len(answers) == 5
    assert len({json.dumps([f.cell, f.p_regret, f.loss]) for f in answers.values()}) == 1


def test_seeds_make_one_cell_and_give_the_noise(tmp_path):
    rows = [(32, e, seed, loss + 0.01 * seed) for _, e, loss in GRID[:2] for seed in (0, 2)]
    found = advice(written(tmp_path / "t.csv", ["size", "epochs", "seed", "loss"], rows))
    assert len(found.finding.standings) == 2
    assert found.noise == "Noise: from seeds, whose standard deviation is 0.0141."  # 0.02 / sqrt 2
    assert found.finding.eps == pytest.approx(0.02 / math.sqrt(2))


def test_rows_alike_in_all_settings_are_seeds_where_no_column_names_them(tmp_path):
    rows = [(32, 1, 1.50), (32, 1, 1.52), (32, 2, 1.2), (32, 2, 1.22)]
    found = advice(written(tmp_path / "t.csv", ["size", "epochs", "loss"], rows))
    assert [len(each.runs) for each in found.finding.standings] == [2, 2]


def test_with_one_seed_the_noise_is_what_the_law_leaves_over(tmp_path):
    rows = [
        (n, e, (1 + 4 / (n * e) ** 0.4) * (1 + 0.002 * (-1) ** (i + j)))
        for i, n in enumerate((50, 100, 200, 400))
        for j, e in enumerate((1, 2, 4, 8))
    ]
    found = advice(written(tmp_path / "t.csv", ["size", "epochs", "loss"], rows))
    assert "what the law M" in found.noise
    assert found.finding.law.residual == pytest.approx(0.002, rel=0.4)


def test_with_one_seed_and_no_law_the_noise_is_assumed(tmp_path):
    found = advice(written(tmp_path / "t.csv", ["size", "epochs", "loss"], GRID))
    assert found.noise == "Noise: one seed each, so 0.2% of the loss is assumed."


def test_other_columns_that_differ_are_settings_and_results_are_not(tmp_path):
    rows = [(32, 1, "a", 1.5, 11.2), (32, 1, "b", 1.3, 12.9), (32, 2, "a", 1.6, 22.4)]
    header = ["size", "epochs", "optimizer", "loss", "seconds"]
    found = advice(written(tmp_path / "t.csv", header, rows))
    assert found.finding.cell["column.optimizer"] == "b"
    assert "optimizer b" in found.finding.sentences[0]
    assert "Taken for results or names, not settings: seconds." in found.notes


def test_a_column_that_hardly_repeats_is_no_setting(tmp_path):
    rows = [
        (32, e, loss + seed / 100, seed, f"note {e}{seed}")
        for _, e, loss in GRID[:2]
        for seed in (0, 1, 2)
    ]
    header = ["size", "epochs", "loss", "seed", "remark"]
    found = advice(written(tmp_path / "t.csv", header, rows))
    assert len(found.finding.standings) == 2
    assert "Taken for results or names, not settings: remark." in found.notes


def test_our_own_results_are_read(tmp_path):
    rows = [
        ("ab12", "tiny", "lora", n, e, 8, 0, 4e-4, e, loss, 1.0, 3.0, 0.1, "healthy", 0.9, 5, 1, 1)
        for n, e, loss in GRID
    ]
    found = advice(written(tmp_path / "results.csv", COLUMNS, rows))
    assert found.finding.cell == {"data.size": 128, "train.epochs": 4}
    assert found.finding.guard.learning_rate == 4e-4


def test_scores_are_maximised(tmp_path):
    table = written(
        tmp_path / "t.csv", ["size", "epochs", "accuracy"], [(32, 1, 0.5), (32, 2, 0.9)]
    )
    found = advice(table, maximize=True)
    assert found.finding.cell["train.epochs"] == 2
    assert found.finding.loss == pytest.approx(-math.log(0.9))
    assert found.finding.unit == "-log(score)"


def test_a_run_that_diverged_is_left_out_and_said(tmp_path):
    rows = [*GRID, (128, 8, "nan"), (128, 9, "")]
    found = advice(written(tmp_path / "t.csv", ["size", "epochs", "loss"], rows))
    assert len(found.finding.standings) == 4
    assert "Rows without a finite loss, left out: 2." in found.notes


def test_all_mistakes_are_told_at_once_with_row_and_column(tmp_path):
    rows = [("many", 1, 1.5), (32, 1.5, 1.4), (32, 2, "low"), (32, 3, -1)]
    table = written(tmp_path / "t.csv", ["size", "epochs", "loss"], rows)
    with pytest.raises(ValueError, match="t.csv") as told:
        reading(table, {}, maximize=False)
    lines = [line.removeprefix(f"{table}, ") for line in str(told.value).splitlines()]
    assert lines == [
        "row 1, column size: 'many' is no number",
        "row 2, column epochs: '1.5' must be a whole number, 1 or more",
        "row 3, column loss: 'low' is no number",
        "row 4, column loss: '-1' must be above 0; for scores, where more is better, "
        "give --maximize",
    ]


def test_one_seed_twice_in_a_setting_is_a_mistake(tmp_path):
    rows = [(32, 1, 0, 1.5), (32, 2, 0, 1.4), (32, 1, 0, 1.6)]
    table = written(tmp_path / "t.csv", ["size", "epochs", "seed", "loss"], rows)
    with pytest.raises(ValueError, match="row 1 and row 3: the same settings and seed twice"):
        reading(table, {}, maximize=False)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "", "has no rows"),
        ("t.csv", "size,epochs,loss\n", "has no rows"),
        ("t.csv", "size,epochs,loss\n1,2,3,4\n", "more values than columns in row 1"),
        ("t.json", "{", "is no JSON"),
        ("t.csv", "size,epochs,loss\n1,2,1_5\n", "'1_5' is no number"),
        ("t.json", "[1, 2]", "list of objects"),
        ("t.json", '{"a": [1], "b": [1, 2]}', "equally long lists"),
        ("t.jsonl", "[1]", "line 1: must be an object"),
        ("t.parquet", "x", ".parquet; give .csv"),
        ("t.csv", "size,epochs,loss\n1,2,\n", "no row has a value in column loss"),
        ("t.json", '[{"size": true, "epochs": {}, "loss": [1]}]', "column size: True is no number"),
    ],
)
def test_what_is_no_table_gets_a_message(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        reading(tmp_path / name, {}, maximize=False)
