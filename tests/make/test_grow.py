"""`epochwise data grow` against a real server on this machine whose replies are scripted."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from judge_server import Server, serving

from epochwise.cli import main
from epochwise.evaluate.scores import rouge_l
from epochwise.make.diversity import diversity
from epochwise.make.near import NEAR, Neighbours
from epochwise.make.review import ReviewServer
from epochwise.world.generator import rows as world_rows

VERBS = ("Sort", "Count", "Name", "Draw", "Weigh", "Paint", "Fold", "Cut")
NOUNS = ("apples", "towers", "rivers", "lamps", "letters", "coats", "drums")


def task(number: int) -> dict[str, str]:
    """Tasks of which no two share a word."""
    text = f"{VERBS[number % 8]}{number} {NOUNS[number % 7]}{number} quick{number} now{number}"
    return {"instruction": f"{text}.", "input": "", "output": f"Done with {number}."}


class Model:
    """Writes tasks that it has not written yet, as many as it is asked for."""

    def __init__(self) -> None:
        self.next = 0
        self.lock = threading.Lock()

    def __call__(self, body: dict[str, Any]) -> tuple[int, str]:
        count = int(re.search(r"Write (\d+) new", body["messages"][0]["content"])[1])  # type: ignore[index]
        with self.lock:
            first, self.next = self.next, self.next + count
        return 200, json.dumps({"rows": [task(number) for number in range(first, first + count)]})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        found.answer = Model()
        yield found


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps(world_rows(50)), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "grown.jsonl"


def command(server: Server, seeds: Path, out: Path, *more: str) -> list[str]:
    asked = ["data", "grow", str(seeds), "--out", str(out), "--url", server.url, "--model", "m"]
    return [*asked, *more]


def rows(out: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_rows_grow_to_the_number_asked_for(
    server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(server, seeds, out, "--review", "none", "--count", "43")) == 0
    made = rows(out)
    assert len({row["instruction"] for row in made}) == len(made) == 43
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == str(out)
    assert "about" in told.err
    examples = server.asked[0]["messages"][0]["content"]
    assert sum(row["output"] in examples for row in world_rows(50)) >= 6


def test_bad_rows_go_and_become_counter_examples(
    server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = command(server, seeds, out, "--review", "file", "--rounds", "20", "--count", "40")
    assert main(asked) == 0
    review = out.with_name("grown.review-20.jsonl")
    assert capsys.readouterr().out.splitlines()[-1] == str(review)
    lines = rows(review)
    assert [line["number"] for line in lines] == list(range(20))
    lines[3]["bad"] = "too silly"
    text = "".join(f"{json.dumps(line)}\n" for line in lines if line["number"] != 5)
    review.write_text(text, encoding="utf-8")
    before = len(server.asked)
    assert main(asked) == 0
    made = rows(out)
    assert len(made) == 40
    assert not {lines[3]["instruction"], lines[5]["instruction"]} & {r["instruction"] for r in made}
    later = server.asked[before]["messages"][0]["content"]
    assert f"{lines[3]['instruction']}\nA: {lines[3]['output']}\nBad: too silly" in later
    assert "Bad: deleted" in later
    assert main(asked) == 0  # all is done
    assert rows(out) == made


def test_a_review_file_that_makes_no_sense_is_told(
    server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = command(server, seeds, out, "--review", "file", "--count", "40")
    assert main(asked) == 0
    review = out.with_name("grown.review-20.jsonl")
    review.write_text(
        '{"number": 99, "bad": "x"}\n{"number": 1, "bad": 7}\n{"num', encoding="utf-8"
    )
    assert main(asked) == 2
    told = capsys.readouterr().err
    for part in ("line 1: expected one of the lines", "line 2: bad is 7", "line 3: is not JSON"):
        assert part in told


def test_a_page_of_this_machine_takes_the_marks() -> None:
    evil = {"instruction": "<script>alert(1)</script>", "input": "", "output": "&"}
    with ReviewServer({4: evil, 7: task(7)}) as server:
        marks: list[dict[int, str]] = []
        waiting = threading.Thread(target=lambda: marks.append(server.wait()))
        waiting.start()
        page = urllib.request.urlopen(server.url).read().decode()
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        elsewhere = server.url.replace(server.path, "/guess/")
        for url, sent in (
            (elsewhere, b'{"4": ""}'),
            (server.url, b'{"5": ""}'),
            (server.url, b"no"),
            (server.url, b"[]"),
        ):
            with pytest.raises(HTTPError, match="400"):
                urllib.request.urlopen(url, data=sent)
        urllib.request.urlopen(server.url, data=b'{"4": "silly"}').read()
        waiting.join(timeout=30)
    assert marks == [{4: "silly"}]
    assert server.server_address[0] == "127.0.0.1"


def test_the_command_waits_for_the_page(server: Server, seeds: Path, out: Path) -> None:
    asked = command(server, seeds, out, "--rounds", "20", "--count", "25", "--at-a-time", "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "epochwise", *asked], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    url = next(
        found[0] for line in process.stderr if (found := re.search(r"http://127\S+/$", line))
    )
    urllib.request.urlopen(url, data=b'{"2": "silly"}').read()
    assert process.wait() == 0
    made = rows(out)
    assert len(made) == 25
    assert task(2) not in made


def test_near_duplicates_and_refusals_are_left_out_and_counted(
    server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Model()

    def doubling(body: dict[str, Any]) -> tuple[int, str]:
        _, text = model(body)
        made = json.loads(text)["rows"]
        again = made[0] | {"instruction": made[0]["instruction"].replace("now", "then")}
        no = task(10_000 + model.next) | {"output": "I do not know what you mean."}
        return 200, json.dumps({"rows": [*made, again, no]})

    server.answer = doubling
    asked = command(server, seeds, out, "--review", "none", "--count", "20", "--json")
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == {"nearly the same as an earlier row": 4, "a refusal": 4}
    assert told["diversity"]["openings"] == 1
    assert told["diversity"]["likeness"] < NEAR


def test_a_model_that_repeats_itself_is_stopped(
    server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = lambda body: (200, json.dumps({"rows": [task(1)]}))
    assert main(command(server, seeds, out, "--review", "none")) == 1
    assert "gave no new row: the model repeats itself" in capsys.readouterr().err
    assert rows(out) == [task(1)]


@pytest.mark.parametrize("nonsense", ["Sure! Here", '{"rows": [{"instruction": "x"', "[]", ""])
def test_nonsense_is_counted(
    nonsense: str, server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = lambda body: (200, nonsense)
    asked = command(server, seeds, out, "--review", "none", "--tries", "2", "--json")
    assert main(asked) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == {"a reply that is not of the form asked for": 2 * told["requests"]}


def test_a_killed_growth_goes_on_without_a_lost_or_doubled_row(
    server: Server, seeds: Path, out: Path
) -> None:
    model = Model()

    def slow(body: dict[str, Any]) -> tuple[int, str]:
        reply = model(body)
        time.sleep(0.3 * (model.next // 5 % 3))  # those of one wave end one after the other
        return reply

    server.answer = slow
    asked = command(server, seeds, out, "--review", "none", "--count", "100", "--at-a-time", "3")
    process = subprocess.Popen([sys.executable, "-m", "epochwise", *asked])
    journal = out.with_name("grown.jsonl.journal")
    while not journal.exists() or journal.read_bytes().count(b'"request"') < 4:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = [
        json.loads(line) for line in journal.read_bytes().splitlines(True) if line[-1:] == b"\n"
    ]
    before = [row for entry in kept for row in entry.get("rows", [])]
    server.answer = model
    assert main(asked) == 0
    made = rows(out)
    assert len({row["instruction"] for row in made}) == len(made) == 100
    assert len(before) >= 20
    assert all(row in made for row in before)
    done = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    requests = [entry["request"] for entry in done if "request" in entry]
    assert len(set(requests)) == len(requests)


def test_more_rows_may_be_asked_for_later_but_not_other_ones(
    server: Server, seeds: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = command(server, seeds, out, "--review", "none")
    assert main([*asked, "--count", "20"]) == 0
    few = rows(out)
    assert main([*asked, "--count", "40"]) == 0
    assert rows(out)[:20] == few
    assert main([*asked, "--count", "40", "--temperature", "1.5"]) == 2
    assert "--temperature: 0.7 then, 1.5 now" in capsys.readouterr().err


def test_longer_conversations_are_no_seeds(
    server: Server, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.jsonl"
    row = {"instruction": "And?", "output": "No.", "history": [["Is it?", "Yes."]]}
    path.write_text(f"{json.dumps(row)}\n", encoding="utf-8")
    assert main(command(server, path, out)) == 2
    assert "long.jsonl line 1: a seed is one question and one answer" in capsys.readouterr().err


def test_a_plan_asks_nobody(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "grow", str(seeds), "--plan", "--price-in", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 200
    assert told["cost"] == pytest.approx(told["tokens"]["prompt"] / 1e6)


def test_the_nearest_is_found_without_comparing_all() -> None:
    texts = [row["instruction"] for row in world_rows(60)]
    known = Neighbours(texts)
    for number, text in enumerate(texts):
        likeness = max(rouge_l(text, one) for place, one in enumerate(texts) if place != number)
        assert known.nearest(text, but=number) == likeness
        assert known.nearest(text, but=number, least=0.9) == (likeness if likeness >= 0.9 else 0)


def test_diversity_tells_one_row_from_many() -> None:
    alike = diversity([task(1)] * 5, [])
    unlike = diversity([task(number) for number in range(5)], [])
    assert (alike.openings, alike.likeness) == (pytest.approx(0.2), 1.0)
    assert (unlike.openings, unlike.likeness) == (1.0, 0.0)
    assert diversity([], []) == (0.0, 0.0, 0.0, 0.0)
