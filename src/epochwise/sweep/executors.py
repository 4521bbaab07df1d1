"""Where a study's trunks are carried out: what hydra/launcher chooses, made ready."""

from pathlib import Path

from epochwise.sweep import ray_cluster, slurm_queue
from epochwise.sweep.cluster import Remote, marked, unmark
from epochwise.sweep.launch import Launch, RayCluster, SlurmQueue
from epochwise.sweep.local import Local, fork_server
from epochwise.sweep.on_ray import OnRay
from epochwise.sweep.on_slurm import OnSlurm
from epochwise.sweep.slots import slots
from epochwise.sweep.supervisor import Executor
from epochwise.sweep.worker import train_trunk

PRELOAD = ("epochwise.sweep.preload",)
HIDDEN = ""  # as CUDA_VISIBLE_DEVICES: where no GPU is asked for, none is seen


def slots_for(launch: Launch, trunks: int, devices: int) -> int:
    """Trunks that can be trained at a time, of at most `trunks`.

    Args:
        devices: Of each, as `trainer.devices` says.

    Raises:
        ValueError: The cluster is not there, or has less than is asked for.
    """
    match launch.where:
        case RayCluster() as cluster:
            ray_cluster.connect(cluster)
            has = ray_cluster.room(ray_cluster.share(cluster, devices))
            return max(1, min(trunks, has, launch.n_jobs or has))
        case SlurmQueue() as queue:
            slurm_queue.check(queue, devices)
            return max(1, min(trunks, launch.n_jobs or 1))  # what Slurm will have free, none knows
        case None:
            return len(slots(launch.n_jobs, trunks, each=devices))


def executor_for(launch: Launch, folder: Path, *, trunks: int, devices: int) -> Executor:
    """What carries out the trunks of the study in `folder`.

    Raises:
        ValueError: The cluster is not there, has too little, or does not see the folder.
    """
    limit = launch.n_jobs or trunks
    match launch.where:
        case RayCluster() as cluster:
            return _on_ray(cluster, folder, limit, devices)
        case SlurmQueue() as queue:
            executor = slurm_queue.submitit_executor(queue, folder)
            threads = max(1, queue.cpus_per_task // devices)
            remote = Remote(train_trunk, marked(folder), PRELOAD, threads)
            return OnSlurm(remote, queue, limit, executor=executor)
        case None:
            return Local(
                fork_server(PRELOAD), train_trunk, slots(launch.n_jobs, trunks, each=devices)
            )


def _on_ray(cluster: RayCluster, folder: Path, limit: int, devices: int) -> OnRay:
    ray_cluster.connect(cluster)
    share = ray_cluster.share(cluster, devices)
    site = marked(folder)
    try:
        ray_cluster.check(site)
    except ValueError:
        unmark(site)
        raise
    threads = max(1, share.num_cpus // devices)
    device = None if share.num_gpus else HIDDEN
    return OnRay(Remote(train_trunk, site, PRELOAD, threads, device), share, limit)
