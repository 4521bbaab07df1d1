from report import simulate

from epochwise.record import PlannedRun
from epochwise.report.cost import asked, plan_and_outcome, trained


def test_a_trunk_costs_its_longest_run() -> None:
    records = [simulate.record(32, epochs, 2) for epochs in (1, 2, 4)]
    study = simulate.study(records)
    assert asked(records).row_passes == 32 * 7
    assert trained(records, study).row_passes == 32 * 4
    assert trained(records, study).tokens == 45 * 32 * 4


def test_runs_that_share_nothing_cost_what_was_asked() -> None:
    records = [simulate.record(32, 4, 2), simulate.record(32, 4, 8)]
    assert trained(records, simulate.study(records)) == asked(records)


def test_of_a_trunk_with_several_sizes_the_longest_run_of_each_is_trained() -> None:
    records = [simulate.record(size, epochs, 2) for size in (32, 128) for epochs in (1, 4)]
    study = simulate.study(records)
    one_trunk = [PlannedRun(r.id, r.label, r.overrides, "t") for r in study.runs]
    study = simulate.study(records, runs=tuple(one_trunk))
    assert trained(records, study).row_passes == (32 + 128) * 4


def test_a_plan_is_set_against_what_came_of_it() -> None:
    names = ("seconds", "peak_memory", "disk", "tokens", "steps", "trunks")
    planned = dict(zip(names, (80.0, 0.5, None, 100, 0, 2), strict=True))
    outcome = dict(zip(names, (100.0, 0.25, 0.1, 100, 4, 2), strict=True))
    study = simulate.study([], estimate=planned, outcome=outcome)
    ratios = [line.ratio for line in plan_and_outcome(study)]
    assert ratios == [1.25, 0.5, None, 1.0, None, 1.0]
    unfinished = plan_and_outcome(simulate.study([], estimate=planned))
    assert [line.actual for line in unfinished] == [None] * 6
    assert plan_and_outcome(simulate.study([])) == []
