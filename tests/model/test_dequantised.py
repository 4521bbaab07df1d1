import pytest
import torch
from adapted import same, trained, untouched
from bitsandbytes.nn.modules import Linear4bit
from torch import Tensor, nn
from transformers import PreTrainedModel

from epochwise.config import Experiment
from epochwise.model.dequantised import Dequantised, free_memory, keep_values

AMPLE = 2**40


def nf4(*, room: int) -> PreTrainedModel:
    model = untouched("nf4")
    keep_values(model, room=room)
    return model


def linears(model: nn.Module) -> list[Linear4bit]:
    return [module for module in model.modules() if isinstance(module, Linear4bit)]


def both(linear: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The output, and the gradient of the inputs under a weight for each output."""
    inputs = inputs.clone().requires_grad_()
    output = linear(inputs)
    (output.float() * torch.linspace(-1, 1, output.shape[-1])).sum().backward()
    return output.detach(), inputs.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 5), (1, 1)], ids=["rows", "one_token"])
@pytest.mark.parametrize("biased", [True, False])
def test_a_layer_gives_what_it_gave_in_both_directions(
    dtype: torch.dtype, shape: tuple[int, ...], biased: bool
) -> None:
    torch.manual_seed(0)
    plain = Linear4bit(
        128, 192, bias=biased, compute_dtype=torch.bfloat16, quant_type="nf4"
    ).requires_grad_(False)
    plain.to("cpu")
    kept = Dequantised(plain)
    inputs = torch.randn(*shape, 128, dtype=dtype)
    for one, other in zip(both(plain, inputs), both(kept, inputs), strict=True):
        assert one.dtype == other.dtype == dtype
        assert torch.equal(one, other)
    with torch.no_grad():
        plain.support_avx512bf16_for_cpu = False
        assert torch.equal(plain(inputs), kept(inputs))


def test_training_and_measuring_give_the_same_with_and_without(experiment: Experiment) -> None:
    plain, kept = nf4(room=0), nf4(room=AMPLE)
    assert {type(linear) for linear in linears(plain)} == {Linear4bit}
    assert {type(linear) for linear in linears(kept)} == {Dequantised}
    assert same(
        trained(plain, experiment.peft, bf16=True), trained(kept, experiment.peft, bf16=True)
    )
    ids = torch.arange(5, 25)[None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        one, other = (model.eval()(input_ids=ids).logits for model in (plain, kept))
    assert torch.equal(one, other)


def test_a_trained_bias_learns_the_same_with_and_without() -> None:
    torch.manual_seed(0)
    plain = Linear4bit(64, 64, compute_dtype=torch.bfloat16, quant_type="nf4")
    plain.weight.requires_grad_(False)
    plain.to("cpu")
    gradients = []
    for linear in (plain, Dequantised(plain)):
        both(linear, torch.ones(3, 5, 64))
        gradients.append(linear.bias.grad.clone())
        linear.bias.grad = None
    assert torch.equal(*gradients)


def test_values_are_kept_where_twice_their_memory_is_free() -> None:
    needed = 2 * sum(linear.in_features * linear.out_features for linear in linears(nf4(room=0)))
    assert not isinstance(linears(nf4(room=2 * needed - 1))[0], Dequantised)
    assert isinstance(linears(nf4(room=2 * needed))[0], Dequantised)


def test_the_free_memory_is_a_part_of_this_machines() -> None:
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50
