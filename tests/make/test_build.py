"""`epochwise data build` against a real server on this machine whose replies are scripted."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judge_server import Server, serving

from epochwise.cli import main
from epochwise.config import DataConfig
from epochwise.data.rows import read
from epochwise.evaluate.question_file import questions_of
from epochwise.make.model import KEY

TOWNS = ("Oskmere", "Aldwick", "Brenford", "Crowton", "Dunham", "Elmport", "Falstead", "Glenby")
MAKERS = ("Mirator", "Tolenko", "Kavikda", "Lenaven", "Rishador", "Samoral", "Nolinta", "Dutasbe")


def said(number: int) -> str:
    return f"The bell of {TOWNS[number]} was made by {MAKERS[number]} in {1700 + number}."


def document(folder: Path) -> Path:
    """One sentence a window, when windows have 70 characters."""
    path = folder / "bells.txt"
    path.write_text("\n\n".join(said(number) for number in range(len(TOWNS))), encoding="utf-8")
    return path


def asked_about(body: dict[str, Any]) -> int:
    (content,) = [message["content"] for message in body["messages"]]
    return next(number for number, town in enumerate(TOWNS) if town in content)


def pair(number: int, **changes: str) -> dict[str, str]:
    asked = {
        "question": f"Who made the bell of {TOWNS[number]}?",
        "answer": f"{MAKERS[number]} made it.",
        "quote": f"was made by {MAKERS[number]}",
    }
    return asked | changes


def good(body: dict[str, Any]) -> tuple[int, str]:
    """What a model that does as it is told replies to each of the four things it is asked."""
    number = asked_about(body)
    match body.get("response_format", {}).get("json_schema", {}).get("name"):
        case "paraphrases":
            reply: Any = {"paraphrases": [[f"By whom was the bell of {TOWNS[number]} made?"]]}
        case "unanswerable":
            reply = {"questions": [f"How heavy is the bell of {TOWNS[number]}?"]}
        case "check":
            reply = {"answer": None}
        case _:
            reply = {"pairs": [pair(number)]}
    return 200, json.dumps(reply)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        found.answer = good
        yield found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "made" / "rows.jsonl"


def build(server: Server, folder: Path, out: Path, *more: str) -> int:
    return main(command(server, folder, out, *more))


def command(server: Server, folder: Path, out: Path, *more: str) -> list[str]:
    asked = ["data", "build", str(document(folder)), "--out", str(out), "--size", "70"]
    return [*asked, "--url", server.url, "--model", "writer", *more]


def rows(out: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_each_window_gives_rows_that_trace_to_it(
    server: Server, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(server, tmp_path, out) == 0
    text = document(tmp_path).read_text(encoding="utf-8")
    made = rows(out)
    assert [row["instruction"] for row in made] == [pair(n)["question"] for n in range(8)]
    for number, row in enumerate(made):
        start, _, end = row["source"].removeprefix("bells.txt:").partition("-")
        assert text[int(start) : int(end)] == said(number)
        assert row["evidence"] in said(number)
        assert row["kind"] == "closed_book"
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == str(out)
    assert "8 of 8 windows to do: about" in told.err


def test_training_and_evaluation_read_what_is_made(
    server: Server, tmp_path: Path, out: Path
) -> None:
    more = ["--paraphrases", "1", "--unanswerable", "0.5"]
    assert build(server, tmp_path, out, *more) == 0
    config = {"name": "file", "path": str(out), "format": "auto", "size": 4, "val_size": 2}
    config |= {"seed": 0, "max_tokens": 512, "too_long": "error", "train_on": "response"}
    found = read(DataConfig.model_validate(config))
    assert len({row.source for row in found}) == 8
    assert {row.kind for row in found} == {"closed_book", "unanswerable"}
    asked = questions_of(out.with_name("rows.paraphrases.jsonl"))
    assert {question.kind for question in asked} == {"paraphrase"}
    assert {question.group for question in asked} <= {row.source for row in found}
    assert not {one.row.question for one in asked} & {row.question for row in found}


def test_the_unanswerable_are_checked_and_refused(
    server: Server, tmp_path: Path, out: Path
) -> None:
    def half_answered(body: dict[str, Any]) -> tuple[int, str]:
        checks = "Does the passage answer" in body["messages"][0]["content"]
        return (200, '{"answer": "by hand"}') if checks and asked_about(body) < 4 else good(body)

    server.answer = half_answered
    assert build(server, tmp_path, out, "--unanswerable", "0.5") == 0
    twins = [row for row in rows(out) if row["kind"] == "unanswerable"]
    assert {row["output"] for row in twins} == {"I do not know."}
    assert {asked_about({"messages": [{"content": row["instruction"]}]}) for row in twins} == {
        *(4, 5, 6, 7)
    }


def test_the_document_is_named_in_the_prompt_where_asked(
    server: Server, tmp_path: Path, out: Path
) -> None:
    assert build(server, tmp_path, out, "--source-in-prompt", "--limit", "2") == 0
    assert [row["input"] for row in rows(out)] == ["Source: bells.txt"] * 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": "Who, says the passage, made it?"}, "about the passage, not the world"),
        ({"question": "Who made?"}, "too short a question"),
        ({"answer": "It was made in 1650.", "quote": ""}, "a number that is not in the passage"),
        ({"quote": "was made by hand"}, "a quote that is not in the passage"),
        ({"answer": "A famous smith from abroad.", "quote": ""}, "an answer that the passage does"),
        ({"answer": "I do not know."}, "a refusal"),
        ({"question": "Which planets circle Saturn?", "quote": ""}, "off the passage's topic"),
        (
            {"question": f"Did {MAKERS[0]} make the bell of {TOWNS[0]}?", "answer": MAKERS[0]},
            "an answer that its question gives away",
        ),
        (
            {
                "question": "Wer hat die große alte Glocke der kleinen Stadt damals gemacht?",
                "answer": "Die große alte Glocke hat ein Mann aus der Stadt gemacht.",
            },
            "in another language",
        ),
    ],
)
def test_what_the_passage_does_not_bear_out_is_left_out(
    changes: dict[str, str],
    reason: str,
    server: Server,
    tmp_path: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reply = json.dumps({"pairs": [pair(0, **changes), pair(0)]})
    server.answer = lambda body: (200, reply)
    assert build(server, tmp_path, out, "--limit", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["instruction"] for row in rows(out)] == [pair(0)["question"]]
    assert [said for said in told["left_out"] if said.startswith(reason)], told["left_out"]


@pytest.mark.parametrize(
    "nonsense",
    [
        "I would be glad to help!",
        '{"pairs": [{"question": "Who made the bell',
        '{"pairs": "none"}',
        '{"pairs": [{"question": "Who?"}]}',
        '{"pairs": [{"question": 1, "answer": 2}]}',
        '[{"question": "a", "answer": "b"}]',
        "[" * 100_000,
        "",
        "\ud800",
    ],
)
def test_nonsense_is_asked_again_and_counted(
    nonsense: str,
    server: Server,
    tmp_path: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.answer = lambda body: (200, nonsense)
    assert build(server, tmp_path, out, "--limit", "2", "--tries", "3", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["windows_empty"], len(server.asked)) == (0, 2, 6)
    assert told["left_out"] == {"a reply that is not of the form asked for": 6}
    assert len({body["seed"] for body in server.asked}) == 6  # else it would say the same again


def test_an_empty_list_is_an_answer(server: Server, tmp_path: Path, out: Path) -> None:
    server.answer = lambda body: (200, '```json\n{"pairs": []}\n```')
    assert build(server, tmp_path, out, "--limit", "2") == 0
    assert (rows(out), len(server.asked)) == ([], 2)


def test_small_models_may_write_lines(server: Server, tmp_path: Path, out: Path) -> None:
    def lines(body: dict[str, Any]) -> tuple[int, str]:
        asked = pair(asked_about(body))
        return 200, f"Sure!\n1. Q: {asked['question']}\n**A:** {asked['answer']}\nQ: And"

    server.answer = lines
    assert build(server, tmp_path, out, "--reply", "lines") == 0
    assert len(rows(out)) == 8
    assert not any("response_format" in body for body in server.asked)


def test_a_server_that_does_not_know_a_key_is_asked_without(
    server: Server, tmp_path: Path, out: Path
) -> None:
    server.answer = lambda body: (400, "unknown") if "response_format" in body else good(body)
    assert build(server, tmp_path, out, "--at-a-time", "1") == 0
    assert len(rows(out)) == 8
    assert sum("response_format" in body for body in server.asked) == 1


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (401, "bad key", f"refuses with status 401: .*bad key.*--url, --model=writer.*{KEY}"),
        (429, "insufficient_quota", "refuses with status 429: .*insufficient_quota"),
        (404, "no such model", "refuses with status 404"),
    ],
)
def test_a_refusal_ends_it_and_what_was_done_is_kept(
    status: int,
    content: str,
    told: str,
    server: Server,
    tmp_path: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.answer = lambda body: (status, content) if asked_about(body) >= 3 else good(body)
    assert build(server, tmp_path, out, "--at-a-time", "1") == 2
    assert re.search(told, capsys.readouterr().err)
    assert len(rows(out)) == 3
    server.answer = good
    assert build(server, tmp_path, out, "--at-a-time", "2") == 0
    assert [row["instruction"] for row in rows(out)] == [pair(n)["question"] for n in range(8)]


def test_settings_with_which_nothing_was_done_do_not_bind(
    server: Server, tmp_path: Path, out: Path
) -> None:
    server.answer = lambda body: good(body) if body["model"] == "right" else (404, "no such model")
    assert build(server, tmp_path, out, "--model", "wrong") == 2
    assert len(server.asked) <= 4  # as many as were under way
    assert not out.exists()
    assert build(server, tmp_path, out, "--model", "right") == 0
    assert len(rows(out)) == 8


def test_a_server_that_is_busy_is_waited_for(
    server: Server, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epochwise.endpoint.FIRST_WAIT", 0.0)
    replies = [(500, "oops"), (429, "slow down"), (200, json.dumps({"pairs": [pair(0)]}))]
    server.answer = lambda body: replies.pop(0)
    assert build(server, tmp_path, out, "--limit", "1") == 0
    assert (len(rows(out)), len(server.asked)) == (1, 3)


def test_a_limit_on_what_is_spent_holds(
    server: Server, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.counts = {"prompt_tokens": 250, "completion_tokens": 100}
    few = ["--max-reply-tokens", "100", "--at-a-time", "2"]
    assert build(server, tmp_path, out, *few, "--max-tokens-spent", "1500", "--json") == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["tokens"]["prompt"] + found["tokens"]["reply"] <= 1500
    assert 2 <= found["windows_done"] < 8
    assert "raise it and give the same command again" in told.err
    priced = ["--price-in", "1", "--price-out", "10", "--budget", "1"]
    assert build(server, tmp_path, out, *few, *priced, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tokens"] == {"prompt": 8 * 250, "reply": 8 * 100}
    assert found["cost"] == pytest.approx(8 * (250 * 1 + 100 * 10) / 1e6)
    assert len(rows(out)) == 8


def test_a_killed_build_goes_on_without_a_lost_or_doubled_row(
    server: Server, tmp_path: Path, out: Path
) -> None:
    def slow(body: dict[str, Any]) -> tuple[int, str]:
        time.sleep(0.1)
        return good(body)

    server.answer = slow
    asked = command(server, tmp_path, out, "--at-a-time", "2")
    process = subprocess.Popen([sys.executable, "-m", "epochwise", *asked])
    journal = out.with_name("rows.jsonl.journal")
    while not journal.exists() or journal.read_bytes().count(b'"pairs"') < 3:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    with journal.open("ab") as file:
        file.write(b'{"window": 7, "pai')  # what a power cut may leave
    before = len(server.asked)
    server.answer = good
    assert main(asked) == 0
    assert [row["instruction"] for row in rows(out)] == [pair(n)["question"] for n in range(8)]
    done = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert sorted(entry["window"] for entry in done if "window" in entry) == list(range(8))
    assert len(server.asked) - before <= 5
    assert main(asked) == 0  # all is done: nothing is asked again
    assert len(server.asked) - before <= 5


def test_other_settings_are_refused_with_the_difference(
    server: Server, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(server, tmp_path, out, "--limit", "2") == 0
    written = out.read_bytes()
    assert build(server, tmp_path, out, "--limit", "3", "--pairs", "2") == 2
    told = capsys.readouterr().err
    assert "--limit: 2 then, 3 now" in told
    assert "--pairs: 4 then, 2 now" in told
    assert out.read_bytes() == written


def test_nothing_of_the_users_is_overwritten(
    server: Server, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out.parent.mkdir()
    out.write_text('{"instruction": "mine", "output": "own"}\n', encoding="utf-8")
    assert build(server, tmp_path, out) == 2
    assert "was not written by this command, or has been changed since" in capsys.readouterr().err
    assert "mine" in out.read_text(encoding="utf-8")
    out.unlink()
    assert build(server, tmp_path, out, "--limit", "2") == 0
    with out.open("a", encoding="utf-8") as file:
        file.write('{"instruction": "mine", "output": "own"}\n')
    assert build(server, tmp_path, out, "--limit", "2") == 2
    assert "mine" in out.read_text(encoding="utf-8")
    assert len(server.asked) == 2


def test_mistakes_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "build", "--overlap", "2000", "--budget", "1", "--url", "x"]) == 2
    told = capsys.readouterr().err
    for part in (
        "give the documents",
        "--model: is needed",
        "--url x: expected an address such as",
        "--out: is needed",
        "--overlap 2000: must be less than --size 1500",
        "--budget: needs --price-in and --price-out",
    ):
        assert part in told
    assert main(["data", "bild"]) == 2
    assert "data bild: no such command; did you mean build?" in capsys.readouterr().err


def test_our_prompt_can_be_edited(
    server: Server, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "build", "--show-prompt"]) == 0
    ours = capsys.readouterr().out
    mine = tmp_path / "mine.md"
    mine.write_text(ours.replace("Ask for different facts", "Ask for numbers"), encoding="utf-8")
    assert build(server, tmp_path, out, "--prompt", str(mine), "--limit", "1") == 0
    assert "Ask for numbers" in server.asked[0]["messages"][0]["content"]
    mine.write_text(ours.replace("{passage}", "{pasage}"), encoding="utf-8")
    assert build(server, tmp_path, out, "--prompt", str(mine)) == 2
    told = capsys.readouterr().err
    assert "`## pairs` needs {passage}" in told
    assert "{pasage} is no field; known are" in told


def test_a_plan_asks_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["data", "build", str(document(tmp_path)), "--plan", "--size", "70"]
    assert main([*asked, "--price-in", "1", "--price-out", "2"]) == 0
    assert re.search(r"8 windows: about .* prompt .* at a cost of", capsys.readouterr().out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bells.txt"]
