"""An installed wheel works outside the repository."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel beside the libraries of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    venv.create(folder / "env", with_pip=True, symlinks=True)
    (library,) = (folder / "env" / "lib").glob("python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    pip = [str(folder / "env" / "bin" / "pip"), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (library / "libraries.pth").write_text(f"{here}\n", encoding="utf-8")
    return folder / "env" / "bin"


def run(binary: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(binary / "python"), "-m", "epochwise", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def test_an_installed_wheel_composes_and_sweeps_outside_the_repository(
    installed: Path, tmp_path: Path
) -> None:
    where = [str(installed / "python"), "-c", "import epochwise; print(epochwise.__file__)"]
    origin = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(installed.parent) in origin.stdout
    small = ["data.size=8", "data.val_size=8", "peft.r=2", "train.epochs=1,2", "track=none"]
    swept = run(installed, "sweep", *small, cwd=tmp_path)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    report = Path(swept.stdout.splitlines()[-1])
    assert (tmp_path / report).is_file()
    named = run(installed, "sweep", "epochs_vs_size", "--cfg", "job", cwd=tmp_path)
    assert "world_1m" in named.stdout, named.stdout + named.stderr
