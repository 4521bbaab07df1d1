"""The training step and the measurement of rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import lightning as L
import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochwise.config import Experiment
from epochwise.data.batch import Batch, Step
from epochwise.draw import seed_for
from epochwise.model.adapter import trainable
from epochwise.model.loss import (
    is_finite,
    is_out_of_memory,
    not_finite,
    response_measures,
    response_nats,
)
from epochwise.model.ranks import ALONE, Ranks
from epochwise.model.sharded import is_sharded, whole


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
        optimizer: torch.optim.Optimizer | None = None,
        *,
        ranks: Ranks = ALONE,
    ) -> None:
        """`optimizer` outlives this object's fits; a model that is only measured needs none."""
        super().__init__()
        self.model = model
        self.head = head
        self.experiment = experiment
        self.optimizer = optimizer
        self.ranks = ranks
        self.share: Callable[[int], float] = lambda step: 1.0  # of the peak rate at a step
        self.micro_batch_size = experiment.train.micro_batch_size or experiment.train.batch_size
        self.temperatures: Sequence[Sequence[float]] = ((),)  # of each split that is measured
        self.skipped = 0
        self.incidents: list[dict[str, Any]] = []
        """What the journal should tell beside the steps; whoever writes it takes them out."""

    def configure_optimizers(self) -> None:
        """None for Lightning to keep: it would move the moments to the CPU after every fit."""

    def cpu(self) -> "FineTuner":
        """Itself, where it is: Lightning moves a module to the CPU after every fit."""
        return self

    def training_step(self, step: Step, batch_idx: int) -> dict[str, Taken]:
        optimizer = self.optimizer
        assert optimizer is not None
        train = self.experiment.train
        nats = self._backward(step)
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        norm = whole(nn.utils.clip_grad_norm_(parameters, train.clip_norm))
        share = self.share(step.number)
        if is_finite(nats, norm):
            for group in optimizer.param_groups:
                group["lr"] = share * group.setdefault("peak", group["lr"])
            optimizer.step()
            if self.experiment.peft.peft_type == "ADALORA":
                self.model.base_model.update_and_allocate(step.number)  # type: ignore[union-attr,operator]
        elif self.skipped < train.max_skipped_steps:
            self.skipped += 1
            self.incidents.append({"kind": "skipped", "step": step.number})
        else:
            raise not_finite(nats, norm, step=step.number)
        loss, rate = nats.item() / step.tokens, share * train.learning_rate
        return {"taken": Taken(step.number, step.seen, loss, rate, norm.item())}

    def validation_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> Float[Tensor, "rows measures"]:
        return response_measures(self.model, self.head, batch, self.temperatures[dataloader_idx])

    def _backward(self, step: Step) -> Float[Tensor, ""]:
        """Accumulate the gradient of the step's mean loss; returns the step's nats.

        Where memory runs out the micro-batch is halved for good, and the step begun again: what
        one update sees stays the same.
        """
        before = self.micro_batch_size
        nats = self._accumulated(step)
        while nats is None:
            self.micro_batch_size = max(1, min(self.micro_batch_size, len(step.lengths)) // 2)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            nats = self._accumulated(step)
        if self.micro_batch_size != before:
            halved = {"step": step.number, "micro_batch_size": self.micro_batch_size}
            self.incidents.append({"kind": "micro_batch"} | halved)
        if self.ranks.size > 1:
            self._sum_over_ranks(nats)
        return nats

    def _sum_over_ranks(self, nats: Tensor) -> None:
        """The loss and gradients of the whole step, on every rank."""
        parameters = [parameter for _, parameter in trainable(self.model)]
        for parameter in parameters:
            if parameter.grad is None:  # none of the step's rows was this rank's
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        self.ranks.sum(nats, *([] if is_sharded(self.model) else gradients))

    def _pieces(self, step: Step) -> Iterator[tuple[Batch, float]]:
        """The micro-batches of this rank, each with the share of its loss that counts.

        Where the model is cut over the ranks, all of them make equally many passes: one that has
        no row left goes along with another's row, which does not count.
        """
        ranks = self.ranks
        mine = step.part(ranks.rank, ranks.size).micro(self.micro_batch_size)
        yield from ((batch, 1.0) for batch in mine)
        if is_sharded(self.model):
            passes = len(step.part(0, ranks.size).micro(self.micro_batch_size))
            yield from [(step.micro(1)[0], 0.0)] * (passes - len(mine))

    def _dropout_seed(self, step: int, piece: int) -> int:
        rank = (self.ranks.rank,) if self.ranks.size > 1 else ()
        return seed_for(self.experiment.train.seed, "dropout", step, piece, *rank)

    def _seed(self, seed: int) -> None:
        """torch.manual_seed, which on a CPU would walk the stack for each accelerator not there."""
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def _accumulated(self, step: Step) -> Float[Tensor, ""] | None:
        """The step's nats; None where memory ran out and smaller pieces can be tried."""
        assert self.optimizer is not None
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.device)
        ranks = self.ranks.size if is_sharded(self.model) else 1  # these average their gradients
        try:
            for index, (batch, share) in enumerate(self._pieces(step)):
                self._seed(self._dropout_seed(step.number, index))
                nats = share * response_nats(self.model, self.head, batch).sum()
                self.manual_backward(nats * ranks / step.tokens)
                total += nats.detach()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.micro_batch_size == 1 or self.ranks.size > 1:
                raise MemoryError(
                    f"step {step.number}: memory runs out with {self.micro_batch_size} rows of up"
                    f" to {step.lengths[0]} tokens at a time: lower train.micro_batch_size or"
                    " data.max_tokens, or choose a smaller model or model.weights=nf4"
                ) from error
            return None
        return total
