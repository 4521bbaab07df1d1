import json

from report import simulate

from epochwise.cli import main

TABLE = "size,epochs,eval_loss\n32,1,1.9\n32,4,1.5\n128,1,1.6\n128,4,1.2\n"


def test_the_recommendation_is_told_in_plain_words(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(TABLE)
    assert main(["advise", str(tmp_path / "t.csv")]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Use 4 epochs, 128 rows: validation loss 1.200")
    assert "What would change this:" in told
    assert "Noise: one seed each" in told


def test_json_is_one_document(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(TABLE)
    assert main(["advise", str(tmp_path / "t.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cell"] == {"data.size": 128, "train.epochs": 4}
    assert found["sure"] is True


def test_a_mistake_in_the_table_ends_with_2(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(TABLE.replace("1.2", "good"))
    assert main(["advise", str(tmp_path / "t.csv")]) == 2
    assert "row 4, column eval_loss: 'good' is no number" in capsys.readouterr().err


def test_a_table_that_is_not_there_ends_with_2(tmp_path, capsys):
    assert main(["advise", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err
    assert main(["advise", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_column_that_is_not_there_is_named(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(TABLE)
    assert main(["advise", str(tmp_path / "t.csv"), "--loss", "score"]) == 2
    assert "there is no column score (there are size, epochs, eval_loss)" in capsys.readouterr().err


def test_scores_are_maximised(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("size,epochs,f1\n32,1,0.5\n32,4,0.9\n")
    assert main(["advise", str(tmp_path / "t.csv"), "--maximize", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cell"]["train.epochs"] == 4


def test_a_studys_folder_is_taken_with_its_losses_per_row(tmp_path, capsys):
    folder = simulate.leave(tmp_path, simulate.grid())
    assert main(["advise", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] in {record.id for record in simulate.grid()}
    assert found["noise"].startswith("Noise: of rows and seeds")
