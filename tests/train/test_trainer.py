import signal

import lightning as L
import pytest

from epochwise.train.trainer import build_trainer

JOB = {
    "SLURM_NTASKS": "2",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_JOB_NAME": "sweep",
    "SLURM_JOB_ID": "7",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "0",
}


class Hearing(L.Callback):
    """Who would hear the signals that Slurm sends before a limit."""

    heard_by: object = None

    def on_train_start(self, trainer, module):
        self.heard_by = signal.getsignal(signal.SIGUSR1)


class Idle(L.LightningModule):
    def configure_optimizers(self):
        return None

    def training_step(self, batch, index):
        return None


@pytest.mark.filterwarnings("ignore")
def test_in_a_slurm_job_the_trainer_is_alone_and_takes_no_signal_of_slurms(monkeypatch):
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGUSR1)
    hearing = Hearing()
    trainer = build_trainer("fp32", hearing)
    trainer.fit(Idle(), [0])
    assert (trainer.world_size, trainer.global_rank) == (1, 0)
    assert hearing.heard_by == before
