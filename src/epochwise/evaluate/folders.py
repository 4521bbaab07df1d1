"""Which runs are meant by a folder."""

from pathlib import Path

from epochwise.record import Study, is_done, run_folder


def finished_runs(folder: Path) -> list[Path]:
    """The folder itself, if it is a finished run's, or the finished runs of the study in it.

    Raises:
        ValueError: It is neither, or no run of the study is done.
    """
    if is_done(folder):
        return [folder]
    if not (folder / "study.json").is_file():
        raise ValueError(
            f"{folder}: is no study and no finished run; give multirun/NAME/STAMP, or a run in it:"
            " multirun/NAME/STAMP/runs/ID"
        )
    runs = [run_folder(folder, run.id) for run in Study.load(folder).runs]
    done = [run for run in runs if is_done(run)]
    if not done:
        raise ValueError(
            f"{folder}: none of its {len(runs)} runs is done; continue the study first"
        )
    return done
