from report import simulate

from epochwise.report.cost import asked, trained


def test_a_trunk_costs_its_longest_run() -> None:
    records = [simulate.record(32, epochs, 2) for epochs in (1, 2, 4)]
    study = simulate.study(records)
    assert asked(records).row_passes == 32 * 7
    assert trained(records, study).row_passes == 32 * 4
    assert trained(records, study).tokens == 45 * 32 * 4


def test_runs_that_share_nothing_cost_what_was_asked() -> None:
    records = [simulate.record(32, 4, 2), simulate.record(32, 4, 8)]
    assert trained(records, simulate.study(records)) == asked(records)
