"""A Ray cluster: connected to, asked what it has, and whether its nodes see a study's folder."""

import logging
import os
import socket
from typing import Any, NamedTuple

from epochwise.sweep.cluster import Site, unseen
from epochwise.sweep.launch import RayCluster

QUIET = {  # read while ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # its own messages: what matters of them is told by us
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else it listens on all interfaces
ANSWER = 5.0  # seconds for a cluster to answer at its address, else Ray tries for minutes
STARTING = 120.0  # seconds for a node's first process to come up


class Share(NamedTuple):
    """What each worker takes of its node."""

    num_cpus: int
    num_gpus: float

    def times_in(self, resources: dict[str, float]) -> int:
        """Workers that have room on a node; a part of a GPU is never spread over two.

        >>> Share(2, 0.5).times_in({"CPU": 8.0, "GPU": 1.0})
        2
        """
        by_cpus = int(resources.get("CPU", 0) // self.num_cpus)
        gpus = resources.get("GPU", 0)
        if self.num_gpus == 0:
            return by_cpus
        if self.num_gpus < 1:
            return min(by_cpus, int(gpus) * int(1 / self.num_gpus))
        return min(by_cpus, int(gpus // self.num_gpus))


def connect(cluster: RayCluster) -> None:
    """Connect this process, if it is not yet; what Ray says of itself stays off the screen.

    Raises:
        ValueError: The package is missing, or no cluster answers.
    """
    os.environ |= QUIET | (LOOPBACK if cluster.address is None else {})
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "hydra/launcher=ray: the package ray is missing: pip install 'epochwise[ray]'"
        ) from error
    if ray.is_initialized():
        return
    _check_answer(cluster.address)
    try:
        ray.init(
            cluster.address or "local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise ValueError(
            f"hydra.launcher.address={cluster.address}: no cluster answers; start one with"
            " `ray start --head`, or set hydra.launcher.address=null to have one on this machine"
        ) from error


def share(cluster: RayCluster, devices: int) -> Share:
    """What each trunk gets of a connected cluster.

    Raises:
        ValueError: It is less than `trainer.devices` need, or more than any node has.
    """
    alive = [node["Resources"] for node in nodes()]
    gpus = cluster.num_gpus
    if gpus is None:
        gpus = devices if any(node.get("GPU") for node in alive) else 0
    if 0 < gpus < devices and devices > 1:
        raise ValueError(
            f"hydra.launcher.num_gpus={gpus:g}: trainer.devices={devices} need as many; set both"
            " alike, or leave num_gpus at null"
        )
    asked = Share(cluster.num_cpus, gpus)
    if not any(asked.times_in(node) for node in alive):
        have = "; ".join(_in_words(node) for node in alive)
        raise ValueError(
            f"hydra.launcher.num_cpus={asked.num_cpus}, num_gpus={asked.num_gpus:g}: no node of"
            f" the Ray cluster has so much (they have {have}); ask for less"
        )
    return asked


def room(asked: Share) -> int:
    """Workers that the nodes alive have room for, were all of them idle."""
    return sum(asked.times_in(node["Resources"]) for node in nodes())


def check(site: Site) -> None:
    """Have every node look for the study's folder.

    Raises:
        ValueError: Some do not see it: which, and what to do.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    look = ray.remote(num_cpus=0, max_retries=0)(unseen)
    answers = [
        look.options(scheduling_strategy=On(node["NodeID"], soft=False)).remote(site)
        for node in nodes()
    ]
    problems = [problem for problem in ray.get(answers, timeout=STARTING) if problem]
    if problems:
        raise ValueError("hydra/launcher=ray: " + "\n".join(problems))


def nodes(*, dead: bool = False) -> list[dict[str, Any]]:
    import ray

    return [node for node in ray.nodes() if node["Alive"] or dead]


def name_of(node_id: str) -> str:
    node = next(node for node in nodes(dead=True) if node["NodeID"] == node_id)
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def _in_words(resources: dict[str, float]) -> str:
    return f"{resources.get('CPU', 0):g} CPUs, {resources.get('GPU', 0):g} GPUs"


def _check_answer(address: str | None) -> None:
    """Raise ValueError unless something listens at a HOST:PORT address."""
    host, _, port = (address or "").rpartition(":")
    if not host or not port.isdigit() or "//" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except OSError as error:
        raise ValueError(
            f"hydra.launcher.address={address}: nobody answers there ({error.strerror or error})"
        ) from error
