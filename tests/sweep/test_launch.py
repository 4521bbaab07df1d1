import pytest
from omegaconf import OmegaConf

from epochwise.compose.grid import composed
from epochwise.compose.places import config_loader
from epochwise.sweep.launch import Launch, RayCluster, SlurmQueue, launch_of


def launched(*settings):
    """What hydra.launcher becomes with these settings."""
    with config_loader(None) as loader:
        launcher = OmegaConf.to_container(composed(loader, "config", settings).hydra.launcher)
    return launch_of({key: value for key, value in launcher.items() if key != "_target_"})


def test_the_keys_of_this_machine():
    launch = launched("hydra.launcher.n_jobs=3", "hydra.launcher.timeout=60")
    assert launch == Launch(n_jobs=3, timeout=60.0)


def test_the_keys_of_a_ray_cluster():
    launch = launched(
        "hydra/launcher=ray", "hydra.launcher.num_gpus=0.5", "hydra.launcher.retries=2"
    )
    assert launch == Launch(retries=2, where=RayCluster(None, 1, 0.5))


def test_the_keys_of_slurm():
    launch = launched(
        "hydra/launcher=slurm",
        "hydra.launcher.partition=gpu",
        "hydra.launcher.setup=[module load cuda]",
        "hydra.launcher.additional_parameters={constraint: a100}",
    )
    request = {"partition": "gpu", "account": None, "qos": None, "mem_gb": None}
    request |= {"additional_parameters": {"constraint": "a100"}}
    queue = SlurmQueue("slurm", 240, 10, 120, 4, None, ("module load cuda",), request)
    assert launch == Launch(where=queue)


@pytest.mark.parametrize("name", ["epochwise", "ray", "slurm"])
def test_every_key_of_a_launcher_is_offered_and_may_be_what_it_is_by_itself(name):
    from epochwise.compose.launcher import KEYS

    with config_loader(None) as loader:
        keys = OmegaConf.to_container(
            composed(loader, "config", [f"hydra/launcher={name}"]).hydra.launcher
        )
    ours = {"_target_", "executor", "command"} | ({"timeout"} if name == "slurm" else set())
    assert KEYS[name].keys() == keys.keys() - ours
    assert all(allowed.fits(keys[key]) for key, allowed in KEYS[name].items())
