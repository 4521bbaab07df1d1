import pytest
import torch
from llama import IDS, batch, tiny_llama
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from epochwise.model.loss import is_finite, is_out_of_memory, not_finite, response_nats


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    return tiny_llama(layers=2)


def test_the_loss_is_that_of_transformers_for_the_same_tokens(model: LlamaForCausalLM) -> None:
    rows = batch(IDS, [2, 4])
    labels = torch.where(rows.scored, rows.input_ids, -100)
    with torch.no_grad():
        expected = model(
            input_ids=rows.input_ids, attention_mask=rows.attention_mask, labels=labels
        ).loss
        nats = response_nats(model, model.lm_head, rows)
    assert (nats.sum() / rows.scored.sum()).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_row_costs_the_same_alone_and_in_a_batch(model: LlamaForCausalLM) -> None:
    with torch.no_grad():
        together = response_nats(model, model.lm_head, batch(IDS, [2, 4]))
        apart = [
            response_nats(model, model.lm_head, batch([row], [start]))[0]
            for row, start in zip(IDS, [2, 4], strict=True)
        ]
    assert together.tolist() == pytest.approx([nats.item() for nats in apart], abs=1e-5)


def test_only_scored_positions_reach_the_output_projection(model: LlamaForCausalLM) -> None:
    seen: list[int] = []

    def count(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(args[0].shape[0])

    handle = model.lm_head.register_forward_hook(count)
    response_nats(model, model.lm_head, batch(IDS, [2, 4]))
    handle.remove()
    assert seen == [3 + 3]


def test_the_projection_is_whole_again_afterwards(model: LlamaForCausalLM) -> None:
    response_nats(model, model.lm_head, batch(IDS, [2, 4]))
    assert model(input_ids=torch.tensor([IDS[0]])).logits.shape == (1, 5, 50)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_with_the_step_and_what_to_do(bad: float) -> None:
    one = torch.tensor(1.0)
    assert not is_finite(torch.tensor(bad), one)
    assert not is_finite(one, torch.tensor(bad))
    assert is_finite(one, one)
    told = str(not_finite(torch.tensor(bad), one, step=7))
    assert told.startswith(f"step 7: loss {bad} and gradient norm 1.0 are not finite")
    assert "train.learning_rate" in told
    assert "train.max_skipped_steps" in told


def test_running_out_of_memory_is_told_from_other_errors() -> None:
    with pytest.raises(RuntimeError) as huge:
        torch.empty(2**50)
    assert is_out_of_memory(huge.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError())
    assert not is_out_of_memory(RuntimeError("the device is on fire"))
