"""Jobs through submitit, on its executor for one machine: it queues again as Slurm does."""

import os
import signal
import sys
from dataclasses import replace

import far_works
import pytest
import works
from settings import changed
from test_supervisor import Listener, gone, states

from epochwise.config import ONE_DEVICE
from epochwise.experiment import run_trunk
from epochwise.record import is_done, read_json, run_folder, write_json
from epochwise.sweep import ledger, supervisor
from epochwise.sweep.cluster import Remote, end_file, marked, stopped_if_replaced
from epochwise.sweep.executors import slots_for
from epochwise.sweep.launch import Launch, SlurmQueue
from epochwise.sweep.ledger import State
from epochwise.sweep.on_slurm import OnSlurm
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slurm_job import Attempt
from epochwise.sweep.slurm_queue import check, submitit_executor
from epochwise.sweep.supervisor import Policy, Supervisor
from epochwise.sweep.worker import Job
from epochwise.train.stop import Stop

FILES = ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")
NEVER_AGAIN = Policy()
REQUEST = {name: None for name in ("partition", "account", "qos", "mem_gb")}
REQUEST |= {"additional_parameters": None}
QUEUE = SlurmQueue("local", 60, 3, 30, 1, None, (), REQUEST)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # works.py is imported by jobs, too


@pytest.fixture
def trunk(experiment, tiny_base):
    """Trunks of runs that end after so many epochs, of 3 steps each."""

    def of(name, *epochs, **changes):
        common = {"model.path": str(tiny_base)} | changes
        runs = {f"{name}e{n}": changed(experiment, common | {"train.epochs": n}) for n in epochs}
        return Trunk(name, runs, max(epochs) * 3, 22 * max(epochs))

    return of


@pytest.fixture
def of_size(experiment):
    def of(size, *epochs):
        runs = {
            f"{size}e{n}": changed(experiment, {"data.size": size, "train.epochs": n})
            for n in epochs or (1,)
        }
        return Trunk(str(size), runs, 4, 8)

    return of


def supervised(trunks, folder, executor, *, listener=None, policy=NEVER_AGAIN):
    folder.mkdir(exist_ok=True)
    with ledger.opened(folder / "ledger.db") as book:
        book.recover(lambda run: is_done(run_folder(folder, run)))
        book.add((run, trunk.id) for trunk in trunks for run in trunk.runs)
        book.retry(run for trunk in trunks for run in trunk.runs)
        listener = listener or Listener()
        return Supervisor(book, executor, listener, policy).supervise(trunks, folder, ONE_DEVICE)


def queued(work, folder, limit=2, queue=QUEUE):
    folder.mkdir(exist_ok=True)
    remote = Remote(work, marked(folder), (), 1)
    return OnSlurm(remote, queue, limit, executor=submitit_executor(queue, folder))


def left(folder, trunks):
    runs = [run for trunk in trunks for run in trunk.runs]
    return {run: [(run_folder(folder, run) / file).read_bytes() for file in FILES] for run in runs}


class Signalling(Listener):
    """Sends a signal to the process whose number a file ends with, once."""

    def __init__(self, file, number):
        super().__init__()
        self.file, self.number = file, number

    def ticked(self, trunk, tick):
        super().ticked(trunk, tick)
        if self.number:
            os.kill(int(self.file.read_text().split()[-1]), self.number)
            self.number = None


def test_a_job_whose_time_is_up_is_queued_again_and_ends_as_if_it_had_not_been(trunk, tmp_path):
    trunks = [trunk("a", 4, 16)]
    run_trunk(trunks[0].runs, tmp_path / "here")
    far = tmp_path / "far"
    executor = queued(far_works.train_slowly, far)
    listener = Signalling(far / "process-a", signal.SIGUSR2)
    (outcome,) = supervised(trunks, far, executor, listener=listener)
    assert outcome.problem == ""
    assert left(far, trunks) == left(tmp_path / "here", trunks)
    log = (far / "log" / "a.log").read_text()
    assert log.startswith("attempt 1\nstopped: the state is kept\nattempt 1\nresumed after step")
    processes = (far / "process-a").read_text().split()
    assert len(set(processes)) == 2
    assert all(gone(pid) for pid in processes)
    assert not list(far.glob(".seen-*"))


def test_a_job_that_is_preempted_without_a_word_ahead_is_submitted_anew(of_size, tmp_path):
    executor = queued(far_works.finish_when_tried_again, tmp_path)
    listener = Signalling(tmp_path / "pid", signal.SIGTERM)
    stopped, finished = supervised([of_size(11)], tmp_path, executor, listener=listener)
    assert (stopped.undone, stopped.problem) == (("11e1",), "")
    assert finished.undone == ()
    log = (tmp_path / "log" / "11.log").read_text()
    assert log.startswith("attempt 1\nstopped: the state is kept\nattempt 2\n")


class Impatient(Listener):
    """Interrupts at the first word of a trunk, once."""

    def ticked(self, trunk, tick):
        super().ticked(trunk, tick)
        if not self.interrupt:
            self.interrupt = tick
            raise KeyboardInterrupt


def test_an_interrupt_keeps_the_state_and_leaves_nothing_behind(of_size, tmp_path):
    executor = queued(works.by_size, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        supervised([of_size(17)], tmp_path, executor, listener=Impatient())
    assert states(tmp_path) == {"17e1": State.PENDING}
    log = (tmp_path / "log" / "17.log").read_text()
    assert log == "attempt 1\nstopped: the state is kept\n"
    assert gone((tmp_path / "pid").read_text())
    assert read_json(tmp_path / "trunks" / "17" / "end-1.json") == "stopped"
    assert (tmp_path / "trunks" / "17" / "stop-1").exists()
    finished = of_size(11)._replace(id="17")  # the same number again: the ledger was lost
    (tmp_path / "ledger.db").unlink()
    (outcome,) = supervised([finished], tmp_path, queued(works.by_size, tmp_path))
    assert outcome.undone == ()


def test_each_way_to_end_is_told_as_it_was(of_size, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    trunks = [of_size(12), of_size(13, 1, 2), of_size(14), of_size(15), of_size(18), of_size(20)]
    trunks += [of_size(23), of_size(11, 1, 2)]
    executor = queued(works.by_size, tmp_path, limit=4)
    outcomes = supervised(trunks, tmp_path, executor, policy=Policy(timeout=8.0))
    told = {outcome.trunk.id: outcome for outcome in outcomes}
    assert told["11"].problem == ""
    assert (tmp_path / "log" / "11.log").read_text() == "attempt 1\ndevice \nthreads 1\n"
    assert told["12"].problem.endswith("RuntimeError: the device is on fire")
    assert told["13"].undone == ("13e2",), "the first exit was done before the job died"
    assert told["13"].problem.startswith("Slurm job ")
    assert told["13"].problem.endswith("    last words")
    assert told["14"].problem == "data.size=14: there are only 9 rows"
    assert " ended as FINISHED; " in told["15"].problem, "exit status 0 does not make a run done"
    assert " ended as FINISHED; " in told["18"].problem
    assert "in hang" in told["20"].problem, "the stacks of what hung"
    assert told["23"].problem.startswith("took longer than hydra.launcher.timeout=8 s")
    assert gone((tmp_path / "pid").read_text())


def test_a_job_can_be_killed_also_from_a_shells_background(of_size, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        executor = queued(works.by_size, tmp_path)
        (outcome,) = supervised([of_size(23)], tmp_path, executor, policy=Policy(timeout=8.0))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.problem.startswith("took longer")
    assert gone((tmp_path / "pid").read_text())


def test_a_job_that_comes_to_its_limit_too_often_has_failed(of_size, tmp_path):
    class Limit(Listener):
        def ticked(self, trunk, tick):
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGUSR2)

    once = replace(QUEUE, timeout_min=1, max_num_timeout=0)
    executor = queued(works.by_size, tmp_path, queue=once)
    (outcome,) = supervised([of_size(17)], tmp_path, executor, listener=Limit())
    assert outcome.problem.startswith(
        "came to its time limit, hydra.launcher.timeout_min=1, more often than"
        " hydra.launcher.max_num_timeout=0; raise one"
    )


@pytest.fixture
def job(of_size, tmp_path):
    job = Job(of_size(24), tmp_path, 1, ONE_DEVICE)
    job.home.mkdir(parents=True)
    return job


def test_a_job_that_slurm_starts_again_by_itself_does_nothing_more(job, tmp_path):
    remote = Remote(works.by_size, marked(tmp_path), (), 1)
    write_json(job.token, 2)
    Attempt(remote, job, "")()
    assert not end_file(job).exists()
    write_json(job.token, 1)
    write_json(end_file(job), "stopped")
    Attempt(remote, job, "")()
    assert not (tmp_path / "completed").exists()


def test_an_attempt_whose_place_is_taken_stops(job):
    stop = Stop(job.stop)
    look = stopped_if_replaced(job, stop)
    write_json(job.token, 1)
    look()
    assert not stop.asked()
    write_json(job.token, 2)
    look()
    assert stop.asked()


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """The commands of a Slurm whose sbatch refuses whatever it is given."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, script in (("srun", ""), ("sbatch", "echo no such partition >&2; exit 1")):
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=os.pathsep)


def test_a_job_that_slurm_refuses_has_failed_as_it_says(slurm, of_size, tmp_path):
    executor = queued(works.by_size, tmp_path, queue=replace(QUEUE, cluster="slurm"))
    (outcome,) = supervised([of_size(11)], tmp_path, executor)
    assert outcome.problem.startswith("Slurm refused the job: no such partition; its log")


def test_what_is_asked_of_slurm_is_what_the_settings_say(slurm, tmp_path):
    request = {"partition": "gpu", "account": "lab", "qos": None, "mem_gb": 16.0}
    request |= {"additional_parameters": {"constraint": "a100"}}
    queue = SlurmQueue("slurm", 240, 10, 120, 8, 1, ("module load cuda",), request)
    executor = submitit_executor(queue, tmp_path)
    script = executor._executor._make_submission_file_text("python", "")
    for line in (
        "--partition=gpu",
        "--account=lab",
        "--time=240",
        "--signal=USR2@120",
        "--cpus-per-task=8",
        "--gpus-per-node=1",
        "--mem=16GB",
        "--constraint=a100",
        "--requeue",
    ):
        assert f"#SBATCH {line}\n" in script
    assert "\nmodule load cuda\n" in script
    assert "srun --unbuffered" in script
    assert " --cpus-per-task=8 python\n" in script


def test_what_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="there is no srun on this machine; give the command on"):
        check(replace(QUEUE, cluster="slurm"), 1)
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ValueError, match=r"pip install 'epochwise\[slurm\]'"):
        check(QUEUE, 1)


def test_what_cannot_go_together_is_told_before_anything_is_written():
    one_gpu = replace(QUEUE, gpus_per_node=1)
    with pytest.raises(ValueError, match="gpus_per_node=1: trainer.devices=2 need as many"):
        slots_for(Launch(where=one_gpu), 4, 2)
    late = replace(QUEUE, timeout_min=1, signal_delay_s=60)
    with pytest.raises(ValueError, match="signal_delay_s=60: leaves nothing of .*timeout_min=1;"):
        slots_for(Launch(where=late), 4, 1)
    assert slots_for(Launch(where=QUEUE), 4, 1) == 1
    assert slots_for(Launch(where=QUEUE, n_jobs=3), 4, 1) == 3
