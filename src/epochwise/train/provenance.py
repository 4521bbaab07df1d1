"""Where a run's numbers came from: code, packages, hardware, data, model, command."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import torch

PACKAGE = Path(__file__).parents[1]


def provenance(
    *, data: dict[str, Any], model: dict[str, str], license: str | None, command: str
) -> dict[str, Any]:
    """What has to be equal for the numbers to be equal, as plain JSON, and the model's licence."""
    return {
        "code": code(),
        "packages": packages(),
        "hardware": hardware(),
        "data": data,
        "model": model,
        "license": license,
        "command": command,
        "folder": str(Path.cwd()),  # from which config.yaml's relative paths are meant
    }


NUMBERS = ("torch", "transformers", "peft", "bitsandbytes", "lightning")  # packages they come from
TRAINING = ("config.py", "draw.py", "experiment.py", "data", "model", "train")


@cache
def made_with_code() -> str:
    """Of this process, whatever is edited while it runs."""
    return digest(
        file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).parts[0] in TRAINING
    )


def made_with(model: dict[str, str]) -> dict[str, str]:
    """What a training must have in common with the one whose state it takes up."""
    versions = {name: importlib.metadata.version(name) for name in NUMBERS}
    return {"code": made_with_code()} | versions | model


@cache
def packages() -> dict[str, str]:
    """Every installed distribution and its version."""
    found = {dist.name.lower(): dist.version for dist in importlib.metadata.distributions()}
    return dict(sorted(found.items())) | {"python": platform.python_version()}


def hardware() -> dict[str, Any]:
    """The parts that decide rounding: processor, vector width, threads, accelerator."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "machine": platform.machine(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
    }


@cache
def code() -> dict[str, Any]:
    """Our own source by content, and where it stands in git, with what was not committed."""
    state: dict[str, Any] = {
        "version": importlib.metadata.version("epochwise"),
        "digest": digest(PACKAGE.rglob("*.py")),
    }
    if (PACKAGE.parents[1] / ".git").exists():
        state["commit"] = _git("rev-parse", "--verify", "HEAD").strip()
        state["patch"] = _git("diff", "HEAD", "--", "src", "conf")
    return state


def digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of source files."""
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE.parents[1]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
