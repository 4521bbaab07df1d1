import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from diagnose.planted import record, rows_of, study

from epochwise.diagnose.finding import find
from epochwise.record import write_json


def test_the_cheapest_among_equals_is_recommended():
    records, rows = study({(32, 2): 1.5, (128, 2): 1.4, (128, 4): 1.401, (128, 8): 1.399})
    finding = find(records, rows)
    assert finding.cell == {"data.size": 128, "train.epochs": 2}
    assert finding.run == "tiny n128 e2 r2 s0"
    assert set(finding.equals) == {"tiny n128 e4 r2 s0", "tiny n128 e8 r2 s0"}
    assert 0.7 < finding.p_regret < 0.9  # one seed each
    assert finding.eps == pytest.approx(0.005 * 1.399)
    assert finding.loss == pytest.approx(1.4)
    assert finding.sentences[0].startswith("No setting is sure to be best. Begin with 2 epochs")


def test_seeds_that_agree_make_sure():
    ends = {(32, 2): 1.5, (128, 2): 1.4, (128, 4): 1.401, (128, 8): 1.399}
    records = [
        record(list(np.linspace(2.0, end + 0.001 * seed, epochs + 1)), size=size, seed=seed)
        for (size, epochs), end in ends.items()
        for seed in range(3)
    ]
    finding = find(records, rows_of(records))
    assert finding.sure
    assert finding.p_regret >= 0.9
    assert finding.sentences[0].startswith("Use 2 epochs, 128 rows: validation loss 1.401")


def test_of_equal_row_passes_the_lower_rank_is_cheaper():
    records = [record([2.0, 1.5, 1.4], rank=rank) for rank in (8, 2)]
    finding = find(records, rows_of(records))
    assert finding.cell["peft.r"] == 2
    assert any("Between rank 2 and 8" in sentence for sentence in finding.sentences)


def test_noise_that_hides_the_best_leaves_a_set_of_which_the_cheapest_is_to_begin_with():
    records, rows = study({(32, 1): 1.5, (32, 2): 1.49, (32, 4): 1.9}, noise=0.5)
    finding = find(records, rows)
    assert not finding.sure
    assert finding.p_regret < 0.9
    assert finding.run == "tiny n32 e1 r2 s0"
    assert finding.equals == ("tiny n32 e2 r2 s0",)
    assert finding.sentences[0].startswith(
        "No setting is sure to be best. Begin with 1 epoch, 32 rows: validation loss 1.500"
    )
    assert finding.sentences[0].endswith(
        "This study cannot part it from 1 other: 2 epochs, 32 rows."
    )
    assert any("2 settings are too close to call" in change for change in finding.would_change)


def test_a_cheap_setting_that_is_hardly_likely_is_not_where_to_begin():
    """All three are candidates, and the cheapest is seldom as good as the best."""
    cells = {(32, 1): 1.56, (32, 2): 1.5, (32, 4): 1.5}
    records, rows = study(cells, noise=0.5)
    finding = find(records, rows)
    likely = {standing.runs[0]: standing.p_regret for standing in finding.standings}
    assert not finding.sure
    assert finding.p_regret == likely[finding.run] >= max(likely.values()) / 2


def test_epochs_are_told_for_each_size_and_how_they_move():
    grid = {(32, 1): 1.9, (32, 4): 1.5, (32, 16): 1.8, (512, 1): 1.6, (512, 4): 1.2, (512, 16): 1.1}
    sentences = find(*study(grid)).sentences
    assert (
        "With 32 rows the validation loss is lowest after 4 epochs (1.500) and 20.0% higher "
        "after 16: more epochs make it worse."
    ) in sentences
    assert (
        "With 512 rows the validation loss is lowest (1.100) after the most epochs tried, 16: "
        "the best may lie beyond, try 32."
    ) in sentences
    assert (
        "More data moves the best number of epochs up: 4 at 32, 16 or more at 512 rows."
        in sentences
    )


def test_an_optimum_at_the_edge_says_which_way_to_go():
    finding = find(*study({(32, 4): 1.5, (128, 4): 1.3, (512, 4): 1.1}))
    assert any("highest rows tried, 512" in s and "try 1,024" in s for s in finding.sentences)


def test_an_optimum_inside_the_grid_names_no_edge():
    finding = find(*study({(32, 4): 1.5, (128, 4): 1.1, (512, 4): 1.3}))
    assert not any("rows tried" in sentence for sentence in finding.sentences)


def test_seeds_make_one_cell_and_set_the_margin():
    records = [
        record([2.0, end], size=size, seed=seed)
        for size, ends in {32: (1.45, 1.55), 128: (1.4, 1.5)}.items()
        for seed, end in enumerate(ends)
    ]
    finding = find(records, rows_of(records))
    assert len(finding.standings) == 2
    assert finding.eps == pytest.approx(math.sqrt(0.005))  # sd of two seeds 0.1 apart
    assert not any("one seed" in change for change in finding.would_change)
    assert finding.standings[0].loss == pytest.approx(1.45)


def test_seeds_that_disagree_widen_the_interval():
    records = [record([2.0, end], seed=seed) for seed, end in enumerate((1.3, 1.7))]
    low, high = find(records, rows_of(records)).standings[0].interval
    # Student's t of 1 + 3 degrees of freedom: 2.13 times 0.283 / sqrt(2); and the rows' own.
    assert low == pytest.approx(1.5 - 0.44, abs=0.05)
    assert high == pytest.approx(1.5 + 0.44, abs=0.05)


def test_one_seed_is_said():
    finding = find(*study({(32, 1): 1.5, (32, 2): 1.4}))
    assert any("one seed" in change for change in finding.would_change)


def test_tokenizers_that_differ_are_compared_per_answer():
    # 1.0 nats on 20 tokens are a worse answer than 1.5 nats on 10.
    short, long = record([2.0, 1.5], model="short"), record([2.0, 1.0], model="long")
    rows = rows_of([short, long])
    rows[long.id] = replace(
        rows[long.id], val=2 * rows[long.id].val, val_tokens=2 * rows[long.id].val_tokens
    )
    finding = find([short, long], rows)
    assert finding.cell["model.name"] == "short"
    assert finding.loss == pytest.approx(15)
    assert "nats per answer" in finding.sentences[0]


def test_settings_that_a_name_decides_are_not_repeated():
    records = [record([2.0, 1.5], model="a"), record([2.0, 1.6], model="b")]
    finding = find(records, rows_of(records))
    assert finding.cell == {"data.size": 32, "train.epochs": 1, "model.name": "a"}


def test_runs_on_other_rows_are_not_compared():
    records, rows = study({(32, 1): 1.5, (32, 2): 1.4, (32, 4): 1.0})
    other = rows[records[2].id]
    rows[records[2].id] = replace(other, val_digest=other.val_digest + np.uint64(1000))
    finding = find(records, rows)
    assert finding.cell["train.epochs"] == 2
    assert any(s.startswith("1 run measured on other validation rows") for s in finding.sentences)


def test_a_run_that_ended_in_nan_is_left_out():
    records, rows = study({(32, 1): 1.5, (32, 2): 1.4})
    finding = find([*records, record([2.0, 1.0, math.nan, math.nan])], rows)
    assert finding.cell["train.epochs"] == 2
    assert "1 run ended with a loss that is not a number." in finding.sentences


def test_no_run_is_a_finding_too():
    finding = find([], {})
    assert finding.cell is None
    assert finding.sentences[0].startswith("No finished run")


def test_one_run_without_rows_still_has_its_curve_told():
    sentences = find([record([2.0, 1.5, 1.4, 1.8])], {}).sentences
    assert any("lowest after 2 epochs (1.400)" in sentence for sentence in sentences)


def test_one_run_is_described():
    records, rows = study({(32, 3): 1.4})
    finding = find(records, rows)
    assert finding.p_regret == 1
    assert finding.sentences[0].startswith("One setting was run: 3 epochs, 32 rows")


def test_a_finding_does_not_depend_on_the_order_of_records():
    records, rows = study({(32, 1): 1.5, (32, 2): 1.4, (128, 2): 1.3, (128, 4): 1.31})
    one, other = find(records, rows), find(records[::-1], rows)
    assert one.cell == other.cell
    assert one.p_regret == pytest.approx(other.p_regret)


def test_a_finding_can_be_saved(tmp_path):
    write_json(tmp_path / "finding.json", asdict(find(*study({(32, 1): 1.5, (128, 2): 1.4}))))
    assert "standings" in (tmp_path / "finding.json").read_text()
