"""A study that is looked at while it runs."""

import fcntl
import http.client
import math
from dataclasses import replace
from pathlib import Path

import pytest
from report import simulate

from epochwise.cli import main
from epochwise.record import Study, run_folder
from epochwise.sweep.folder import LOCK
from epochwise.sweep.local_page import HOST, served
from epochwise.sweep.spark import line, sparks
from epochwise.sweep.watch import watch
from epochwise.train import journal


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two runs are done, one is at its second epoch, the others have not begun."""
    records = simulate.grid()[:5]
    simulate.leave(tmp_path, records, unfinished=tuple(each.id for each in records[2:]))
    for each, points in ((records[0], 2), (records[1], 3), (records[2], 3)):
        home = run_folder(tmp_path, each.id)
        home.mkdir(exist_ok=True)
        for point in each.curve[:points]:
            journal.append(home / "journal.jsonl", {"kind": "point"} | point._asdict())
    return tmp_path


def ask(address: str, host: str | None = None, path: str = "/") -> tuple[int, str, str | None]:
    port = int(address.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.getheader("Refresh")


def test_curves_are_those_of_the_journals_the_lowest_first(study: Path) -> None:
    found = sparks(study)
    assert [len(spark.losses) for spark in found] == [3, 3, 2]
    assert [spark.last for spark in found] == sorted(spark.last for spark in found)


def test_a_loss_that_is_not_finite_is_a_dot() -> None:
    assert line([3.0, 2.0, math.nan, 1.0]) == "█·▁"
    assert line([3.0, math.nan]) == "·"


def test_a_study_that_nobody_works_on_is_shown_once(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(study)]) == 0
    told = capsys.readouterr().out
    assert "5 runs: 3 pending, 2 done" in told
    assert "world_1m lora r2 n32 e2" in told
    assert told.splitlines()[-1] == str(study / "log")


def test_it_is_shown_again_until_the_work_ends(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (study / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        looks: list[float] = []

        def sleep(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 3:
                fcntl.flock(lock, fcntl.LOCK_UN)

        assert watch(study, None, sleep).counts["done"] == 2
    assert len(looks) == 3


def test_the_page_has_the_runs_that_are_done_and_renews_itself(study: Path) -> None:
    with served(study, 0) as address:
        status, text, refresh = ask(address)
        assert (status, refresh) == (200, "15")
        assert "2 of 5 runs finished" in text
        (run_folder(study, simulate.grid()[2].id) / "DONE").touch()
        simulate.grid()[2].save(run_folder(study, simulate.grid()[2].id) / "record.json")
        rows = run_folder(study, simulate.grid()[0].id) / "rows.npz"
        rows = rows.rename(run_folder(study, simulate.grid()[2].id) / "rows.npz")
        simulate.row_losses(simulate.grid()[0].curve).save(
            run_folder(study, simulate.grid()[0].id) / "rows.npz"
        )
        assert "3 of 5 runs finished" in ask(address)[1]


def test_the_page_speaks_the_studys_language_and_leaves_its_files_alone(study: Path) -> None:
    replace(Study.load(study), report={"language": "ja"}).save(study)
    (study / "report.html").write_text("of before", encoding="utf-8")
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    with served(study, 0) as address:
        assert '<html lang="ja">' in ask(address)[1]
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


def test_only_this_machine_under_its_own_number_is_answered(study: Path) -> None:
    with served(study, 0) as address:
        assert address.startswith("http://127.0.0.1:")
        assert ask(address, host="evil.example")[0] == 404
        assert ask(address, path="/../study.json")[0] == 404


def test_a_port_that_is_taken_is_told(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(study, 0) as address:
        port = address.rstrip("/").rpartition(":")[2]
        assert main(["watch", str(study), "--serve", port]) == 2
    assert f"--serve {port}: " in capsys.readouterr().err
    assert main(["watch", str(study), "--serve", "70000"]) == 2
