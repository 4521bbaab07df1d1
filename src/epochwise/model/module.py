"""The training step and the measurement of validation and probe rows."""

from collections.abc import Callable
from typing import NamedTuple

import lightning as L
import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochwise.config import Experiment
from epochwise.data.batch import Batch, Step
from epochwise.draw import seed_for
from epochwise.model.adapter import build_optimizer, trainable
from epochwise.model.loss import require_finite, response_nats


class Taken(NamedTuple):
    """What one optimizer step did."""

    step: int
    tokens: int
    """Prompt and response tokens of this step."""
    loss: float
    """Before the update, dropout on."""
    learning_rate: float
    grad_norm: float
    """Before clipping."""


class FineTuner(L.LightningModule):
    """A causal language model and the way its trainable parameters are updated.

    Optimization is manual because a step is a sum over micro-batches divided once by the step's
    scored tokens, which Lightning's own accumulation (a mean of means) cannot express.
    """

    automatic_optimization = False

    def __init__(
        self,
        model: nn.Module,
        head: nn.Module,
        experiment: Experiment,
        share: Callable[[int], float],
    ) -> None:
        """`share`: optimizer step, from 1 -> share of the peak learning rate."""
        super().__init__()
        self.model = model
        self.head = head
        self.experiment = experiment
        self.share = share

    def configure_optimizers(self) -> torch.optim.Optimizer:
        train = self.experiment.train
        return build_optimizer(
            self.model,
            self.experiment.peft,
            learning_rate=train.learning_rate,
            weight_decay=train.weight_decay,
        )

    def training_step(self, step: Step, batch_idx: int) -> dict[str, Taken]:
        optimizer = self.optimizers()
        assert isinstance(optimizer, L.pytorch.core.optimizer.LightningOptimizer)
        train = self.experiment.train
        optimizer.zero_grad()
        nats = self._backward(step)
        parameters = [parameter for _, parameter in trainable(self.model)]
        norm = nn.utils.clip_grad_norm_(parameters, train.clip_norm)
        require_finite(nats, norm, step=step.number)
        share = self.share(step.number)
        for group in optimizer.param_groups:
            group["lr"] = share * group.setdefault("peak", group["lr"])
        optimizer.step()
        if self.experiment.peft.peft_type == "ADALORA":
            self.model.base_model.update_and_allocate(step.number)  # type: ignore[union-attr,operator]
        rate = share * train.learning_rate
        loss = nats.item() / step.tokens
        return {"taken": Taken(step.number, step.seen, loss, rate, norm.item())}

    def validation_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int
    ) -> Float[Tensor, " rows"]:
        return response_nats(self.model, self.head, batch)

    def _backward(self, step: Step) -> Float[Tensor, ""]:
        """Accumulate the gradient of the step's mean loss; returns the step's nats."""
        total = torch.zeros((), device=self.device)
        for index, batch in enumerate(step.micro):
            torch.manual_seed(seed_for(self.experiment.train.seed, "dropout", step.number, index))
            nats = response_nats(self.model, self.head, batch).sum()
            self.manual_backward(nats / step.tokens)
            total += nats.detach()
        return total
