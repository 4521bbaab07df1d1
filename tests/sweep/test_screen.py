import pytest
import runs

from epochwise.record import Tick
from epochwise.sweep.plan import Trunk
from epochwise.sweep.screen import Lines, Terminal
from epochwise.sweep.supervisor import Outcome

WHOLE = Trunk("a", {}, 4, 32)


@pytest.mark.parametrize("make", [lambda: Terminal([WHOLE]), Lines], ids=["terminal", "lines"])
def test_runs_and_failures_are_told_on_standard_error(make, experiment, tmp_path, capsys):
    record = runs.complete(tmp_path, "run2", experiment)
    whole = WHOLE._replace(runs={"run2": experiment})
    broken = whole._replace(id="b")
    with make() as screen:
        for trunk in (whole, broken):
            screen.started(trunk)
            screen.ticked(trunk, Tick(1, 4, 2.5))
        screen.finished(record)
        screen.ended(Outcome(whole, (), ""))
        screen.ended(Outcome(broken, ("run2",), "killed by SIGKILL; [its log] ends:\n    x"))
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{experiment.label}: val loss 1.000, healthy" in err
    assert f"failed: {experiment.label}\n  killed by SIGKILL; [its log] ends:\n    x" in err
    assert err.count("failed") == 1
