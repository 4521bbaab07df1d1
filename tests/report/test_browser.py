"""The page as its reader uses it, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report import simulate
from report.browser import Seen, opened

from epochwise.record import run_folder
from epochwise.report.comparison.comparison import comparison
from epochwise.report.comparison.page import write as write_comparison
from epochwise.report.page import write


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(simulate.leave(tmp_path_factory.mktemp("study"), simulate.grid()))


@pytest.fixture(scope="module")
def seen(report: Path) -> Iterator[Seen]:
    with opened(report, viewport={"width": 1280, "height": 900}) as seen:
        yield seen


@pytest.fixture
def page(seen: Seen) -> Iterator[Any]:
    """The page as it was when it was opened; nothing may go wrong, nothing may be asked for."""
    seen.page.reload()
    yield seen.page
    assert seen.errors == []
    assert seen.dialogs == []
    assert {url.partition(":")[0] for url in seen.requests} <= {"file", "blob", "data"}


def shown(page: Any) -> list[str]:
    return [
        row.get_attribute("data-run")
        for row in page.query_selector_all("#runs tbody tr:not([hidden])")
    ]


def test_the_table_is_sorted_by_a_click_and_turned_round_by_another(page: Any) -> None:
    head = page.get_by_role("button", name="Validation")
    losses = {record.id: record.curve[-1].val for record in simulate.grid()}
    head.click()
    assert shown(page) == sorted(losses, key=lambda run: losses[run])
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    head.click()
    assert shown(page) == sorted(losses, key=lambda run: -losses[run])


def test_the_table_is_filtered_by_words_and_by_verdict(page: Any) -> None:
    page.fill("#find", "R2 n32")
    assert len(shown(page)) == 5
    assert page.inner_text("#found") == "5 of 30 runs"
    page.select_option("#verdict", "overfits")
    over = [r for r in simulate.grid() if r.verdict and r.verdict["verdict"] == "overfit_loss"]
    assert shown(page) == [r.id for r in over if "r2 n32 " in r.label]


def test_a_rank_is_switched_off_everywhere(page: Any) -> None:
    assert page.locator(".panel:visible").filter(has=page.locator("h3")).count() == 5
    page.locator("[data-choice]", has_text="8").last.click()
    assert page.locator("h3", has_text="rank 8").is_hidden()
    assert len(shown(page)) == 15
    curves = page.locator("[data-figure=curve-0]")
    curves.scroll_into_view_if_needed()
    page.wait_for_selector("[data-figure=curve-0] .scatterlayer")
    visible = curves.evaluate("chart => chart.data.map((t) => [t.name, t.visible !== false])")
    assert {on for name, on in visible if name.startswith("rank 8")} == {False}
    assert {on for name, on in visible if name.startswith("rank 2")} == {True}


def test_a_size_takes_its_panel_away(page: Any) -> None:
    panel = page.locator("h3", has_text="128 training rows").first
    assert panel.is_visible()
    page.locator("[data-choice]", has_text="128").click()
    assert panel.is_hidden()
    page.locator("[data-choice]", has_text="128").click()
    assert panel.is_visible()


def test_curves_are_switched_from_the_loss_to_the_gap(page: Any) -> None:
    page.get_by_role("button", name="Generalisation gap").click()
    assert page.locator("[data-figure=curve-0]").is_hidden()
    page.wait_for_selector("[data-figure=gap-0] .scatterlayer")
    page.get_by_role("button", name="Loss", exact=True).click()
    assert page.locator("[data-figure=gap-0]").is_hidden()


def test_a_click_on_a_cell_leads_to_its_run(page: Any) -> None:
    chart = page.locator("[data-figure=heat-0]")
    chart.scroll_into_view_if_needed()
    page.wait_for_selector("[data-figure=heat-0] .heatmaplayer image")
    box = page.locator("[data-figure=heat-0] .nsewdrag").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.8)
    page.wait_for_selector("tr.found")
    assert page.locator("tr.found").get_attribute("data-run") == simulate.record(32, 1, 2).id


def test_the_numbers_of_a_figure_are_one_click_away_and_can_be_saved(page: Any) -> None:
    numbers = page.locator("details[data-name=heat-0]")
    numbers.locator("summary").click()
    assert numbers.locator("tbody tr").count() == 15
    with page.expect_download() as download:
        numbers.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "run,size,epochs,val_loss,recommended,equal"
    first = simulate.record(32, 1, 2)
    assert lines[1] == f"{first.id},32,1,{first.curve[-1].val},,"
    with page.expect_download() as download:
        numbers.get_by_role("button", name="SVG").click()
    assert Path(download.value.path()).read_text().startswith("<svg")


def test_nothing_is_wider_than_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 900})


def test_names_on_a_phone_leave_room_for_the_figure(seen: Seen, tmp_path: Path) -> None:
    record = simulate.record(32, 4, 2)
    long = simulate.changed(
        record, label="a base model of a long name, fine-tuned in some long way"
    )
    run = run_folder(simulate.leave(tmp_path, [long]), record.id)
    file = write_comparison(comparison([run, run]), tmp_path / "page.html")
    phone = seen.page.context.browser.new_page(viewport={"width": 390, "height": 800})
    phone.goto(file.as_uri())
    phone.evaluate("dispatchEvent(new Event('beforeprint'))")
    chart = phone.locator("[data-figure=differences]")
    assert "a base model of a long name" in chart.text_content()
    width = chart.locator(".nsewdrag").first.bounding_box()["width"]
    assert width > 0.8 * chart.bounding_box()["width"]
    phone.close()


def test_all_figures_are_drawn_on_paper(page: Any) -> None:
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    open_charts = page.locator(".chart:visible")
    assert open_charts.count() == page.locator(".chart:visible .main-svg:first-child").count()
    page.emulate_media(media="screen")


def test_a_reader_without_eyes_is_told_what_is_there(page: Any) -> None:
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(next - last <= 1 for last, next in zip(levels, levels[1:], strict=False))
    charts = page.locator(".chart[role=img]")
    assert charts.count() == page.locator(".chart").count()
    assert all(len(label) > 20 for label in charts.evaluate_all("all => all.map(c => c.ariaLabel)"))
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("button:not([type=button])").count() == 0
