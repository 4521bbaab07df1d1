import copy
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import planted_rows
import pytest
from planted_rows import near_copy

from epochwise.config import DataConfig
from epochwise.data.check.finding import NAMES, Finding
from epochwise.data.check.leaks import grave_leak
from epochwise.data.check.report import Report, check, subject
from epochwise.data.rows import read
from epochwise.data.split import split

Rows = list[dict[str, Any]]
Found = Callable[..., dict[str, Finding]]


def sound(count: int = 30) -> Rows:
    """Distinct questions, each with an answer of its own."""
    texts = planted_rows.planted(count, every=10_000).texts
    words = planted_rows.vocabulary(count, seed=1)
    return [
        {"instruction": asked, "output": f"It is {word}."}
        for asked, word in zip(texts, words, strict=False)
    ]


def test_sound_rows_give_no_finding(found: Found) -> None:
    assert found(sound()) == {}


def test_every_finding_that_can_come_can_be_a_gate(report: Callable[..., Report]) -> None:
    rows = sound()
    whole = report(rows, rows[:1])
    short = report(rows, size=1000)
    assert {each.name for each in (*whole.findings, *short.findings)} == set(NAMES)


def test_rows_that_cannot_be_read_are_named_and_the_rest_is_checked(found: Found) -> None:
    rows = [*sound(), {"instruction": "", "output": "yes"}, {"instruction": "Who?", "output": 3}]
    names = found([*rows, rows[0]])
    assert names["empty"].count == 1
    assert "my.jsonl line 31: instruction is empty" in names["empty"].places[0]
    assert "my.jsonl line 32" in names["unreadable"].places[0]
    assert names["duplicates_exact"].count == 1


def test_repeats_are_told_under_their_plainest_name(found: Found) -> None:
    rows = sound()
    loud = rows[1] | {"instruction": rows[1]["instruction"].upper() + "?!"}
    near = near_copy(
        rows[2]["instruction"].split(), planted_rows.vocabulary(100, seed=7), Random(0)
    )
    names = found([*rows, rows[0], loud, {"instruction": " ".join(near), "output": "no"}], size=20)
    assert {name: each.count for name, each in names.items()} == {
        "duplicates_exact": 1,
        "duplicates_normalised": 1,
        "duplicates_near": 1,
    } | {name: 1 for name in names if name == "leaks_validation_near"}
    assert names["duplicates_near"].places[0].startswith("my.jsonl line 33 ~ my.jsonl line 3: ")


def test_planted_leaks_into_the_test_set_are_all_found(found: Found) -> None:
    rows = sound(400)
    rng, words = Random(3), planted_rows.vocabulary(3000, seed=7)
    asked = [row["instruction"] for row in rows]
    exact = asked[:100]
    loud = [text.title() + " !" for text in asked[100:200]]
    near = [" ".join(near_copy(text.split(), words, rng)) for text in asked[200:300]]
    other = planted_rows.planted(100, every=1000, seed=9).texts[:100]
    tests = [{"instruction": text, "output": "x"} for text in (*exact, *loud, *near, *other)]
    names = found(rows, tests)
    leaked = {name: each.count for name, each in names.items() if name.startswith("leaks_test")}
    assert leaked == {"leaks_test_exact": 100, "leaks_test_normalised": 100, "leaks_test_near": 100}
    assert names["leaks_test_near"].severity == "error"
    assert names["leaks_test_exact"].places[0].startswith("test.jsonl line 1 ~ my.jsonl line 1: ")


def test_a_near_copy_in_training_leaks_a_validation_row(found: Found) -> None:
    rows = sound(40)
    rng, words = Random(3), planted_rows.vocabulary(3000, seed=7)
    copies = [
        row | {"instruction": " ".join(near_copy(row["instruction"].split(), words, rng))}
        for row in rows
    ]
    leak = found([*rows, *copies], val_size=20, size=60)["leaks_validation_near"]
    assert leak.count >= 15
    assert leak.severity == "error"


def test_rows_of_one_source_stay_on_one_side_and_leak_nothing(found: Found) -> None:
    rows = [row | {"source": f"page {number}"} for number, row in enumerate(sound(40))]
    rng, words = Random(3), planted_rows.vocabulary(3000, seed=7)
    copies = [
        row | {"instruction": " ".join(near_copy(row["instruction"].split(), words, rng))}
        for row in rows
    ]
    assert "leaks_validation_near" not in found([*rows, *copies], val_size=20, size=60)


def test_contradictions_are_prompts_with_two_answers(found: Found) -> None:
    rows = sound()
    other = rows[4] | {"instruction": rows[4]["instruction"].upper(), "output": "Nobody knows."}
    same = rows[5] | {"output": rows[5]["output"].upper()}
    contradictions = found([*rows, other, same])["contradictions"]
    assert contradictions.count == 1
    assert contradictions.places[0].startswith("my.jsonl line 5 / my.jsonl line 31: ")


def test_a_system_prompt_that_all_share_makes_no_rows_alike(found: Found) -> None:
    system = " ".join(planted_rows.vocabulary(300, seed=5))
    rows = [row | {"system": system} for row in sound()]
    assert found(rows) == {}


@pytest.mark.parametrize(("too_long", "severity"), [("error", "error"), ("drop", "warning")])
def test_rows_over_the_limit_are_counted_with_what_a_cut_would_lose(
    found: Found, too_long: str, severity: str
) -> None:
    long = {"instruction": "Go on", "output": "on and " * 1500}
    cut = found([*sound(), long], too_long=too_long)["too_long"]
    assert (cut.count, cut.severity) == (1, severity)
    assert cut.places[0].startswith("my.jsonl line 31: ")


def test_answers_in_another_language_are_found(found: Found) -> None:
    asked = "Please describe to me in a few words what one sees on a walk along the river."
    said = "Man sieht dort viele alte Bäume, kleine Boote und am Abend das Licht der Häuser."
    rows = [{"instruction": f"{asked} Walk {n}.", "output": said} for n in range(8)]
    names = found([*sound(), *rows], size=10)
    assert names["answers_in_another_language"].count == 8
    assert "(en, answered in de)" in names["answers_in_another_language"].places[0]


def test_control_tokens_are_told_from_the_markers_of_other_formats(
    found: Found, tokenizer: Any
) -> None:
    rows = sound()
    rows[3] = {"instruction": f"Stop {tokenizer.eos_token} and obey me", "output": "No."}
    rows[7] = {"instruction": "[INST] Tell me the time of day [/INST]", "output": "Noon."}
    names = found(rows)
    assert names["control_tokens"].places == (f"my.jsonl line 4: {tokenizer.eos_token}",)
    assert names["foreign_markers"].places == ("my.jsonl line 8: [INST]",)


def test_private_data_is_counted_and_never_shown(report: Callable[..., Report]) -> None:
    secrets = ["sk-abcdEFGH1234ijklMNOP5678qrst", "ann@example.org", "+44 20 7946 0958"]
    rows = [*sound(), {"instruction": f"{' '.join(secrets)} who?", "output": "Nobody."}]
    rows.append(rows[-1])
    rows.append({"instruction": secrets, "output": "Nothing."})
    made = report(rows)
    counts = {each.name: each.count for each in made.findings}
    assert (counts["keys"], counts["emails"], counts["phones"]) == (2, 2, 2)
    assert not [secret for secret in secrets if secret in str(made.json())]


def test_tokens_say_how_often_training_repeats_them(report: Callable[..., Report]) -> None:
    rows = sound(20)
    tokens = report(rows + rows, size=10).tokens
    assert tokens.distinct_share == 0.5
    assert tokens.epochs_worth == pytest.approx(2)  # 40 rows, half of them distinct, 10 an epoch
    assert tokens.passes == pytest.approx(8)  # 4 epochs, each of which shows them twice


def test_too_few_rows_are_a_finding(found: Found) -> None:
    short = found(sound(), size=1000)["too_few_rows"]
    assert "data.size=1000" in short.what


def test_the_default_data_has_no_leak_that_would_stop_training(
    data: Callable[..., DataConfig],
) -> None:
    world = data(path="world", max_tokens=2048, size=2048, val_size=200)
    rows = read(world)
    parts = split(rows, size=2048, val_size=200, seed=0)
    assert grave_leak(rows, parts) == ""


def test_rows_that_the_template_refuses_are_told_and_the_rest_is_counted(
    write: Callable[..., Path], data: Callable[..., DataConfig], tokenizer: Any
) -> None:
    refusing = copy.deepcopy(tokenizer)
    refusing.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        + tokenizer.chat_template
    )
    rows = sound(6)
    rows[2]["system"] = "Be kind."
    made = check(
        subject(data(path=str(write("my.jsonl", rows)), max_tokens=2048), None), refusing, epochs=1
    )
    refused = next(each for each in made.findings if each.name == "refused_by_template")
    assert refused.count == 1
    assert refused.places[0].startswith("my.jsonl line 3: ")
    assert made.tokenised == 5
