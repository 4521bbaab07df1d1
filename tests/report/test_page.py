import base64
import csv
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report import simulate

from epochwise.record import Point, Record, write_json
from epochwise.report.badge import LOOKS, badge
from epochwise.report.document import PLOTLY
from epochwise.report.language import words
from epochwise.report.page import write

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
VERDICTS = [
    "diverged",
    "no_learning",
    "still_improving",
    "overfit_loss",
    "overfit_quality",
    "inconclusive",
    "healthy",
]


class Reader(HTMLParser):
    """Every element with its attributes, the text of the scripts, and the text people see."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.style = ""
        self.text = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside == "style":
            self.style += data
        else:
            self.text += data

    def having(self, key: str) -> list[str | None]:
        return [attributes[key] for _, attributes in self.elements if key in attributes]


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.text = " ".join(reader.text.split())
    return reader


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = simulate.leave(tmp_path_factory.mktemp("study"), simulate.grid())
    assert write(study) == study / "report.html"
    return study


@pytest.fixture(scope="module")
def page(folder: Path) -> Reader:
    return read(folder / "report.html")


def test_thirty_runs_take_less_than_six_megabytes(folder: Path) -> None:
    assert (folder / "report.html").stat().st_size < 6e6
    assert len((folder / "results.csv").read_text().splitlines()) == 31


def test_question_and_answer_come_before_any_figure(page: Reader) -> None:
    order = [
        "How many epochs does a LoRA need",
        "Train on 512 rows for 4 epochs at rank 2.",
        "More rows: the loss was still falling",
        "Which setting is best?",
        "All runs",
        "smollm2_135m: not on this machine",
        "Make it again",
        "torch 2.13.0",
    ]
    places = [page.text.find(words) for words in order]
    assert -1 not in places
    assert places == sorted(places)


def test_figures_have_the_numbers_of_the_records(page: Reader) -> None:
    figures = json.loads(page.scripts[0])
    kinds = {key.partition("-")[0] for key in figures}
    assert kinds == {"curve", "gap", "heat", "frontier", "scaling"}
    losses = {each.id: each.curve[-1].val for each in simulate.grid()}
    cells = [
        loss for key in ("heat-0", "heat-1") for row in figures[key]["data"][0]["z"] for loss in row
    ]
    assert cells == list(losses.values())
    assert figures["curve-0"]["data"][1]["y"] == [p.val for p in simulate.curve(32, 16, 2)]


def test_the_files_of_the_figures_have_the_numbers_of_the_table(folder: Path) -> None:
    def lines(name: str) -> list[dict[str, str]]:
        with (folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    table = {row["id"]: row for row in lines("results.csv")}
    cells = [row for name in ("heat-0", "heat-1") for row in lines(f"figures/{name}.csv")]
    assert {row["run"]: row["val_loss"] for row in cells} == {
        id: row["val_loss"] for id, row in table.items()
    }
    prices = lines("figures/frontier.csv")
    assert [(row["run"], row["tokens"], row["val_loss"]) for row in prices] == [
        (id, row["tokens"], row["val_loss"]) for id, row in table.items()
    ]
    points = [row for i in range(3) for row in lines(f"figures/curve-{i}.csv")]
    ends = {row["run"]: row for row in points}  # the last epoch of each stands last
    for id, row in ends.items():
        assert [row[key] for key in ("val_loss", "probe_loss", "gap")] == [
            table[id][key] for key in ("val_loss", "probe_loss", "gap")
        ]


def test_every_figure_is_a_picture_on_disk(folder: Path, page: Reader) -> None:
    for name in json.loads(page.scripts[0]):
        picture = ElementTree.parse(folder / "figures" / f"{name}.svg").getroot()
        assert picture.tag.endswith("svg")
        assert len(list(picture.iter("{http://www.w3.org/2000/svg}text"))) > 4


def test_every_figure_has_its_place(page: Reader) -> None:
    assert sorted(map(str, page.having("data-figure"))) == sorted(json.loads(page.scripts[0]))


def test_only_the_scripts_of_the_policy_may_run(page: Reader) -> None:
    policy = next(
        attributes["content"] or ""
        for _, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digests = [hashlib.sha256(script.encode()).digest() for script in page.scripts[1:]]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert allowed == [base64.b64encode(digest).decode() for digest in digests]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert len(page.scripts) == 3


def test_nothing_is_loaded_from_outside(page: Reader) -> None:
    assert not [tag for tag, _ in page.elements if tag in {"link", "img", "iframe", "object"}]
    assert not page.having("src")
    assert not page.having("href")
    assert "color-scheme" in page.style
    assert not re.search(r"url\(|@import", page.style)


def test_strings_of_others_are_text(tmp_path: Path) -> None:
    records = [attacked(record) for record in simulate.grid()]
    simulate.leave(tmp_path, records)
    simulate.study(
        records, question=ATTACK, command=ATTACK, skipped=(ATTACK,), versions={ATTACK: ATTACK}
    ).save(tmp_path)
    finding = simulate.invented(records) | {"sentences": [ATTACK], "would_change": [ATTACK]}
    write_json(tmp_path / "finding.json", finding)
    page = read(write(tmp_path))
    assert len(page.scripts) == 3
    assert "img" not in [tag for tag, _ in page.elements]
    assert not page.having("onerror")
    assert page.text.count(ATTACK) > 60
    assert json.loads(page.scripts[0])["heat-0"]


def attacked(record: Record) -> Record:
    assert record.verdict is not None
    record.settings["model"]["name"] += ATTACK * (record.rank == 8)
    record.settings["peft"]["name"] = ATTACK
    reasons = [reason | {"advice": ATTACK, "name": ATTACK} for reason in record.verdict["reasons"]]
    verdict = record.verdict | {"reasons": reasons, "flags": [ATTACK]}
    return simulate.changed(record, label=ATTACK + record.label, verdict=verdict)


def test_line_separators_cannot_end_a_script(tmp_path: Path) -> None:
    record = simulate.record(32, 2, 2)
    other = simulate.record(32, 2, 8)
    record.settings["peft"]["name"] = "a\u2028b\u2029c"
    simulate.leave(tmp_path, [record, other])
    data = read(write(tmp_path)).scripts[0]
    assert "\\u2028" in data
    assert "\u2028" not in data


def test_runs_that_did_not_finish_are_named_with_the_way_to_run_them(tmp_path: Path) -> None:
    records = simulate.grid()
    simulate.leave(tmp_path, records, unfinished=(records[3].id,))
    page = read(write(tmp_path))
    after = page.text[page.text.index("Runs without a result") :]
    assert records[3].id in after
    assert "/log/n32r2s0.log" in after
    assert simulate.COMMAND in after
    heat = json.loads(page.scripts[0])["heat-0"]["data"]
    assert heat[0]["z"][0][3] is None
    assert heat[1]["text"][3] == "no run"


def test_a_study_of_which_nothing_finished_says_so(tmp_path: Path) -> None:
    records = simulate.grid()[:2]
    simulate.leave(tmp_path, records, unfinished=tuple(record.id for record in records))
    page = read(write(tmp_path))
    assert "No run has finished" in page.text
    assert "Runs without a result" in page.text
    assert page.having("data-figure") == []


def test_a_lone_run_has_its_curve_and_its_reasons_and_no_heat_map(tmp_path: Path) -> None:
    record = simulate.record(32, 16, 8)
    page = read(write(simulate.leave(tmp_path, [record])))
    assert page.having("data-figure") == ["curve-0", "gap-0"]
    assert "Recommended" not in page.text
    assert "Stop at epoch 3, or give it more rows." in page.text
    assert f"/runs/{record.id}" in page.text


def test_losses_that_are_not_numbers_can_be_reported(tmp_path: Path) -> None:
    lost = simulate.record(32, 2, 2)
    verdict = (lost.verdict or {}) | {"verdict": "diverged", "confidence": None, "gap": math.nan}
    points = (Point(0, 3.0, 3.0), Point(1, math.nan, math.nan), Point(2, math.nan, math.nan))
    lost = simulate.changed(lost, curve=points, verdict=verdict)
    page = read(write(simulate.leave(tmp_path, [simulate.record(32, 1, 2), lost])))
    figures = json.loads(page.scripts[0])
    assert "not finite" in figures["heat-0"]["data"][1]["text"]
    assert "nan" in page.text


def test_no_setting_is_called_recommended_where_none_is_sure(tmp_path: Path) -> None:
    records = simulate.grid()
    simulate.leave(tmp_path, records)
    unsure = simulate.invented(records) | {"run": None, "cell": None}
    write_json(tmp_path / "finding.json", unsure)
    page = read(write(tmp_path))
    assert "recommended" not in page.text
    assert "chosen" not in page.having("class")
    assert "the best is among these" in page.text


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_words_and_a_sign(verdict: str) -> None:
    assert badge({"verdict": verdict}, words("en")).words
    assert len({LOOKS[each][0] for each in VERDICTS}) == len(VERDICTS) - 1  # both overfit


def test_a_plan_is_shown_beside_its_outcome_where_there_is_one(tmp_path: Path) -> None:
    study = simulate.leave(tmp_path, simulate.grid())
    assert "Plan and outcome" not in read(write(study)).text
    planned = {"seconds": 80.0, "peak_memory": 0.5, "disk": None, "tokens": 12345, "steps": 4}
    planned |= {"trunks": 2, "notes": [ATTACK]}
    outcome = planned | {"seconds": 100.0}
    simulate.study(simulate.grid(), estimate=planned, outcome=outcome).save(study)
    page = read(write(study))
    assert "Time1 min 20 s1 min 40 s1.25" in page.text.replace(" </td>", "")
    assert "Tokens12,34512,3451.00" in page.text
    assert "Disk–––" in page.text
    assert ("img", {"src": "x", "onerror": "alert(2)"}) not in page.elements


def test_plotly_js_is_the_release_that_plotly_draws_for() -> None:
    from plotly.offline import get_plotlyjs_version

    assert f"(cartesian - minified) v{get_plotlyjs_version()}" in PLOTLY.read_text("utf-8")[:200]
    assert "MIT" in PLOTLY.with_name("LICENSE").read_text("utf-8")


def test_a_study_without_a_question_is_called_by_its_name(tmp_path: Path) -> None:
    records = simulate.grid()[:2]
    simulate.leave(tmp_path, records)
    simulate.study(records, question="").save(tmp_path)
    assert "<h1>epochs_vs_size</h1>" in write(tmp_path).read_text(encoding="utf-8")
