import pytest

from epochwise.sweep import slots
from epochwise.sweep.slots import Slot, cuda_devices, listed

SPLIT = """GPU 0: NVIDIA H100 (UUID: GPU-a)
  MIG 3g.40gb     Device  0: (UUID: MIG-b)
  MIG 3g.40gb     Device  1: (UUID: MIG-c)
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with these devices, none by default, whatever this one has."""

    def of(*devices):
        lines = "".join(f"echo 'GPU 0: any (UUID: {name})'\n" for name in devices)
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{lines}")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return of


def test_each_device_is_a_slot(machine):
    machine("GPU-a", "GPU-b")
    assert [slot.device for slot in slots.slots(None, 9)] == ["GPU-a", "GPU-b"]


def test_more_jobs_than_devices_share_them(machine):
    machine("GPU-a", "GPU-b")
    assert [slot.device for slot in slots.slots(3, 9)] == ["GPU-a", "GPU-b", "GPU-a"]


def test_there_are_no_more_slots_than_trunks(machine):
    machine()
    assert len(slots.slots(8, 2)) == 2


def test_threads_times_slots_are_the_cores(machine, monkeypatch):
    machine()
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    assert slots.slots(None, 20) == [Slot(None, 1)] * 8
    assert slots.slots(3, 20) == [Slot(None, 2)] * 3
    assert slots.slots(20, 20)[0].threads == 1


@pytest.mark.parametrize(
    ("visible", "expected"), [("2,3", ["2", "3"]), ("", []), ("-1", []), ("MIG-b", ["MIG-b"])]
)
def test_visible_devices_that_are_set_already_are_respected(
    machine, monkeypatch, visible, expected
):
    machine("GPU-a")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cuda_devices() == expected


def test_a_trunk_that_trains_on_several_devices_gets_them_all(machine):
    machine("GPU-a", "GPU-b", "GPU-c", "GPU-d", "GPU-e")
    assert [slot.device for slot in slots.slots(None, 9, each=2)] == ["GPU-a,GPU-b", "GPU-c,GPU-d"]


def test_processes_of_one_trunk_share_the_cores(machine, monkeypatch):
    machine()
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    assert slots.slots(None, 20, each=2) == [Slot(None, 1)] * 4
    assert slots.slots(1, 20, each=2) == [Slot(None, 4)]


def test_a_split_device_counts_as_its_parts():
    assert listed(SPLIT) == ["MIG-b", "MIG-c"]
