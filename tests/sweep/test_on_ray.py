"""A real Ray cluster of two nodes with one CPU each, on this machine."""

import os
import sys
import time
from pathlib import Path

from epochwise.sweep.ray_cluster import LOOPBACK, QUIET

os.environ |= QUIET | LOOPBACK  # before ray is imported

import far_works
import pytest
import ray
import works
from ray.cluster_utils import Cluster
from settings import changed
from test_supervisor import Listener, states

from epochwise.config import ONE_DEVICE, Config
from epochwise.record import is_done, run_folder
from epochwise.sweep import ledger, on_ray, ray_cluster, supervisor
from epochwise.sweep.cluster import LOST, Losses, Remote, Site, marked
from epochwise.sweep.launch import Launch, RayCluster
from epochwise.sweep.ledger import State
from epochwise.sweep.local import Local, fork_server
from epochwise.sweep.on_ray import OnRay
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot
from epochwise.sweep.study import carry_out
from epochwise.sweep.supervisor import Policy, Supervisor
from epochwise.sweep.worker import Job

FILES = ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")
BEATS = {  # a node that is killed is missed after two seconds instead of 15
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 3,
}
NEVER_AGAIN = Policy()
EVERY_STEP = ONE_DEVICE.model_copy(update={"checkpoint_seconds": 0})


@pytest.fixture(scope="module")
def cluster():
    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1"}
    head = node | {"include_dashboard": False, "_system_config": BEATS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # works.py is imported there, too
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(**node)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def address(cluster):
    """Of a cluster of two nodes, also after a test that has killed one."""
    if not cluster.worker_nodes:
        cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
    yield RayCluster(cluster.address, 1, None)
    ray.shutdown()


@pytest.fixture
def trunk(experiment, tiny_base):
    """Trunks of runs that end after so many epochs, of 3 steps each."""

    def of(name, *epochs, **changes):
        common = {"model.path": str(tiny_base)} | changes
        runs = {f"{name}e{n}": changed(experiment, common | {"train.epochs": n}) for n in epochs}
        return Trunk(name, runs, max(epochs) * 3, 22 * max(epochs))

    return of


def supervised(trunks, folder, executor, *, listener=None, config=ONE_DEVICE, policy=NEVER_AGAIN):
    folder.mkdir(exist_ok=True)
    with ledger.opened(folder / "ledger.db") as book:
        book.recover(lambda run: is_done(run_folder(folder, run)))
        book.add((run, trunk.id) for trunk in trunks for run in trunk.runs)
        book.retry(run for trunk in trunks for run in trunk.runs)
        listener = listener or Listener()
        return Supervisor(book, executor, listener, policy).supervise(trunks, folder, config)


def on_cluster(work, folder, cluster, preload=()):
    folder.mkdir(exist_ok=True)
    ray_cluster.connect(cluster)
    share = ray_cluster.share(cluster, 1)
    return OnRay(Remote(work, marked(folder), preload, 1), share, 9)


def here(trunks, folder):
    executor = Local(
        fork_server(["epochwise.experiment"]), far_works.train_and_tell, [Slot(None, 1)]
    )
    supervised(trunks, folder, executor)
    return left(folder, trunks)


def left(folder, trunks):
    runs = [run for trunk in trunks for run in trunk.runs]
    return {run: [(run_folder(folder, run) / file).read_bytes() for file in FILES] for run in runs}


def gone(pid):
    """A killed process may stay for a moment, as a zombie of its node's."""
    for _ in range(200):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def nodes(folder, trunk):
    return (folder / f"node-{trunk}").read_text().split()


def processes(folder, trunk):
    return (folder / f"process-{trunk}").read_text().split()


class Killer(Listener):
    """Kills the second node at the first word of a trunk that is trained there."""

    def __init__(self, cluster, folder):
        super().__init__()
        self.cluster, self.folder = cluster, folder
        self.victim = None

    def ticked(self, trunk, tick):
        super().ticked(trunk, tick)
        (node,) = self.cluster.worker_nodes or [None]
        if node and nodes(self.folder, trunk.id)[-1] == node.node_id:
            self.victim = trunk.id
            self.cluster.remove_node(node, allow_graceful=False)


class Impatient(Listener):
    """Interrupts at the first word of a trunk, once."""

    def ticked(self, trunk, tick):
        super().ticked(trunk, tick)
        if trunk.id == "a" and not self.interrupt:
            self.interrupt = tick
            raise KeyboardInterrupt


def test_a_study_goes_over_all_nodes_and_survives_the_loss_of_one(
    trunk, cluster, address, tmp_path
):
    trunks = [trunk(f"r{r}", 4, 12, **{"peft.r": r}) for r in (2, 4, 8)]
    expected = here(trunks, tmp_path / "here")
    far = tmp_path / "far"
    killer = Killer(cluster, far)
    executor = on_cluster(far_works.train_slowly, far, address)
    alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
    outcomes = supervised(trunks, far, executor, listener=killer, config=EVERY_STEP)
    assert {outcome.problem for outcome in outcomes} == {""}
    assert left(far, trunks) == expected
    assert {node for each in trunks for node in nodes(far, each.id)} == alive
    assert len(nodes(far, killer.victim)) == 2
    log = (far / "log" / f"{killer.victim}.log").read_text()
    assert "attempt 1" in log
    assert "attempt 2\nresumed after step" in log
    assert all(gone(pid) for each in trunks for pid in processes(far, each.id))
    assert not list(far.glob(".seen-*"))


def test_an_interrupt_keeps_every_state_and_the_next_command_goes_on(trunk, address, tmp_path):
    trunks = [trunk("a", 2, 16)]
    expected = here(trunks, tmp_path / "here")
    far = tmp_path / "far"
    executor = on_cluster(far_works.train_slowly, far, address)
    with pytest.raises(KeyboardInterrupt):
        supervised(trunks, far, executor, listener=Impatient())
    assert State.PENDING in states(far).values()
    assert "stopped: the state is kept\n" in (far / "log" / "a.log").read_text()
    assert here(trunks, far) == expected, "what a cluster has kept goes on anywhere"
    assert "attempt 2\nresumed after step" in (far / "log" / "a.log").read_text()


@pytest.fixture
def of_size(experiment):
    def of(size, *epochs):
        runs = {
            f"{size}e{n}": changed(experiment, {"data.size": size, "train.epochs": n})
            for n in epochs or (1,)
        }
        return Trunk(str(size), runs, 4, 8)

    return of


def test_each_way_to_die_is_told_as_it_was_and_harms_no_other(
    of_size, address, tmp_path, monkeypatch
):
    monkeypatch.setattr(on_ray, "DOUBT", 0.5)
    monkeypatch.setattr(supervisor, "GRACE", 0.5)
    trunks = [of_size(12), of_size(13, 1, 2), of_size(14), of_size(18), of_size(15), of_size(20)]
    trunks += [of_size(23), of_size(11, 1, 2)]
    executor = on_cluster(works.by_size, tmp_path, address)
    policy = Policy(timeout=8.0)
    told = {
        outcome.trunk.id: outcome
        for outcome in supervised(trunks, tmp_path, executor, policy=policy)
    }
    assert told["11"].problem == ""
    assert told["12"].problem.endswith("RuntimeError: the device is on fire")
    assert told["13"].undone == ("13e2",), "the first exit was done before the worker died"
    assert "its worker on " in told["13"].problem
    assert " died, as when the system kills it for memory" in told["13"].problem
    assert told["13"].problem.endswith("    last words")
    assert told["14"].problem == "data.size=14: there are only 9 rows"
    assert "its worker on " in told["18"].problem
    assert "its worker on " in told["15"].problem
    assert "in hang" in told["20"].problem, "the stacks of what hung"
    assert told["23"].problem.startswith("took longer than hydra.launcher.timeout=8 s")
    assert gone((tmp_path / "pid").read_text())
    assert (tmp_path / "log" / "11.log").read_text() == "attempt 1\ndevice None\nthreads 1\n"


def test_a_node_that_does_not_see_the_folder_is_named_before_anything_starts(address, tmp_path):
    ray_cluster.connect(address)
    ray_cluster.check(marked(tmp_path))
    elsewhere = Site(tmp_path, ".seen-on-another-disk", tmp_path)
    with pytest.raises(ValueError, match="does not see the folder") as told:
        ray_cluster.check(elsewhere)
    assert str(told.value).count(f"does not see the folder {tmp_path}: give the command in") == 2


def test_more_than_a_node_has_is_told(address):
    ray_cluster.connect(address)
    with pytest.raises(ValueError, match=r"num_cpus=3, num_gpus=0: no node .*1 CPUs, 0 GPUs; 1 C"):
        ray_cluster.share(RayCluster(address.address, 3, None), 1)
    with pytest.raises(ValueError, match="num_gpus=1: trainer.devices=2 need as many"):
        ray_cluster.share(RayCluster(address.address, 1, 1.0), 2)
    assert ray_cluster.room(ray_cluster.share(address, 1)) == 2


def test_a_cluster_that_is_not_there_is_told(monkeypatch):
    with pytest.raises(ValueError, match=r"address=127.0.0.1:9: nobody answers there \(Conn"):
        ray_cluster.connect(RayCluster("127.0.0.1:9", 1, None))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install 'epochwise\[ray\]'"):
        ray_cluster.connect(RayCluster(None, 1, None))


def test_a_trunk_that_brings_down_every_node_is_not_tried_for_ever(of_size, tmp_path):
    losses, job = Losses(), Job(of_size(11), tmp_path, 1, ONE_DEVICE)
    assert {losses.how(job, "its node was lost") for _ in range(LOST)} == {"stopped"}
    assert losses.how(job, "its node was lost") == "its node was lost, and so it went 4 times"


def test_a_study_is_carried_out_where_its_launcher_says(trunk, address, tmp_path, capsys):
    rest = {"study": "grid", "question": "", "skip_missing_models": False, "folder": str(tmp_path)}
    rest |= {"track": {"name": "none", "mode": "auto", "project": "tests", "tags": []}}
    (run,) = trunk("a", 2).runs.values()
    config = Config.model_validate(run.model_dump() | rest | {"trainer": ONE_DEVICE.model_dump()})
    assert carry_out([config], overrides=[{}], launch=Launch(where=address)) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("report.html")
    ray.shutdown()
    wrong = RayCluster("127.0.0.1:9", 1, None)
    assert carry_out([config], overrides=[{}], launch=Launch(where=wrong)) == 2
    assert "nobody answers there" in capsys.readouterr().err
