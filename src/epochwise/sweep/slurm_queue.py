"""A Slurm queue: whether it is here, and what is asked of it, in submitit's words."""

import logging
import shutil
from pathlib import Path
from typing import Any

from epochwise.sweep.launch import SlurmQueue

FOLDER = "slurm"  # of the study: what submitit writes, and each job's own output


def check(queue: SlurmQueue, devices: int) -> None:
    """Look for what jobs on `devices` devices each need, before anything is written.

    Raises:
        ValueError: The package is missing, this machine is no part of a Slurm cluster, or what is
            asked for does not go together.
    """
    try:
        import submitit  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ValueError(
            "hydra/launcher=slurm: the package submitit is missing: pip install 'epochwise[slurm]'"
        ) from error
    if queue.cluster == "slurm" and shutil.which("srun") is None:
        raise ValueError(
            "hydra/launcher=slurm: there is no srun on this machine; give the command on a login"
            " node of the cluster, or hydra.launcher.cluster=local to try it here"
        )
    gpus = queue.gpus_per_node or 0
    if 0 < gpus < devices:
        raise ValueError(
            f"hydra.launcher.gpus_per_node={gpus}: trainer.devices={devices} need as many; set"
            " both alike"
        )
    if queue.signal_delay_s >= queue.timeout_min * 60:
        raise ValueError(
            f"hydra.launcher.signal_delay_s={queue.signal_delay_s}: leaves nothing of"
            f" hydra.launcher.timeout_min={queue.timeout_min}; lower it, or raise the limit"
        )


def submitit_executor(queue: SlurmQueue, folder: Path) -> Any:
    """An executor of submitit's, for the study in `folder`."""
    import submitit

    logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns of every late answer
    often = {f"{name}_max_num_timeout": queue.max_num_timeout for name in ("slurm", "local")}
    executor = submitit.AutoExecutor(folder / FOLDER, cluster=queue.cluster, **often)
    executor.update_parameters(**_parameters(queue))
    return executor


def _parameters(queue: SlurmQueue) -> dict[str, Any]:
    """In submitit's words; None is not asked for."""
    request = dict(queue.request)
    more = {"requeue": True} | (request.pop("additional_parameters") or {})
    setup = list(queue.setup) or None
    return {
        "name": "epochwise",
        "timeout_min": queue.timeout_min,
        "cpus_per_task": queue.cpus_per_task,
        "gpus_per_node": queue.gpus_per_node,
        "mem_gb": request.pop("mem_gb"),
        "local_setup": setup,
        "slurm_setup": setup,
        "slurm_signal_delay_s": queue.signal_delay_s,
        # sbatch's count does not reach srun: slurm.schedmd.com/srun.html, --cpus-per-task
        "slurm_srun_args": [f"--cpus-per-task={queue.cpus_per_task}"],
        "slurm_additional_parameters": more,
    } | {f"slurm_{key}": value for key, value in request.items()}
