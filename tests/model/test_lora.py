from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from llama import tiny_llama
from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import Tensor, nn

from epochwise.config import PeftConfig
from epochwise.model.adapter import add_adapter
from epochwise.model.lora import Fused, FusedLinear

ROWS, INPUTS, OUTPUTS, RANK = 6, 5, 7, 3


def layers(*, bias: bool, **settings: Any) -> tuple[Linear, FusedLinear]:
    """peft's layer and ours around one frozen layer, with the same adapter, which is not zero."""
    torch.manual_seed(0)
    base = nn.Linear(INPUTS, OUTPUTS, bias=bias).requires_grad_(False)
    config = LoraConfig(r=RANK, lora_alpha=12, init_lora_weights=False, **settings)
    made = [kind(base, "default", config=config, r=RANK, lora_alpha=12) for kind in KINDS]
    theirs, ours = made
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


KINDS: tuple[Callable[..., Any], ...] = (Linear, FusedLinear)


def passed(layer: nn.Module, *, autocast: bool = False) -> dict[str, Tensor]:
    """Outputs, and all gradients of a weighted sum of them."""
    torch.manual_seed(1)
    x = torch.randn(2, ROWS // 2, INPUTS, requires_grad=True)
    weights = torch.randn(2, ROWS // 2, OUTPUTS)
    with torch.autocast("cpu", torch.bfloat16) if autocast else nullcontext():
        out = layer(x)
    layer.zero_grad()
    (out.float() * weights).sum().backward()
    gradients = {name: p.grad for name, p in layer.named_parameters() if p.requires_grad}
    found = {"out": out, "x": x.grad} | gradients
    return {name: value.detach() for name, value in found.items() if value is not None}


def test_its_gradient_is_that_of_its_value() -> None:
    torch.manual_seed(0)
    shapes = [(2, 3, INPUTS), (OUTPUTS, INPUTS), (OUTPUTS,), (RANK, INPUTS), (OUTPUTS, RANK)]
    x, weight, bias, a, b = (torch.randn(shape, dtype=torch.double) for shape in shapes)
    inputs = [part.requires_grad_() for part in (x, a, b)]
    assert torch.autograd.gradcheck(
        lambda x, a, b: Fused.apply(x, weight, bias, a, b, 4.0),  # type: ignore[no-untyped-call]
        inputs,
    )


@pytest.mark.parametrize("bias", [False, True])
def test_equals_pefts_layer(bias: bool) -> None:
    theirs, ours = (passed(layer) for layer in layers(bias=bias))
    assert ours.keys() == theirs.keys()
    assert len(ours) == 4
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, msg=name)


def test_in_bf16_it_is_as_near_to_the_truth_as_pefts_layer() -> None:
    theirs, ours = layers(bias=False)
    truth = passed(theirs)
    for layer in (theirs, ours):
        layer.get_base_layer().bfloat16()
    rounded = {layer: passed(layer, autocast=True) for layer in (theirs, ours)}
    assert rounded[ours]["out"].dtype == torch.bfloat16
    for name, value in truth.items():
        away = {layer: (rounded[layer][name] - value).abs().max() for layer in rounded}
        assert away[ours] <= 1.5 * away[theirs] + 1e-3, name


def test_what_is_no_plain_lora_goes_pefts_way() -> None:
    for settings in ({"lora_dropout": 0.5}, {"use_dora": True}, {"lora_bias": True}):
        theirs, ours = layers(bias=True, **settings)
        before = {id(layer): passed(layer) for layer in (theirs, ours)}
        for name, value in before[id(theirs)].items():
            assert torch.equal(before[id(ours)][name], value), (settings, name)


def test_an_adapter_that_is_off_or_merged_adds_nothing_of_its_own() -> None:
    _, ours = layers(bias=False)
    x = torch.randn(ROWS, INPUTS)
    adapted, bare = ours(x), ours.get_base_layer()(x)
    ours.enable_adapters(False)
    assert torch.equal(ours(x), bare)
    ours.enable_adapters(True)
    ours.merge()
    torch.testing.assert_close(ours(x), adapted)
    assert not torch.allclose(adapted, bare)


def test_a_model_is_given_it_only_where_its_layers_are_plain() -> None:
    settings = {"name": "lora", "peft_type": "LORA", "r": 4, "target_modules": "all-linear"}
    config = PeftConfig.model_validate(settings)
    model = add_adapter(tiny_llama(1), config, seed=0, total_steps=1)
    assert sum(isinstance(module, FusedLinear) for module in model.modules()) == 7

    class Quantised(nn.Linear):
        pass

    base = tiny_llama(1)
    base.model.layers[0].mlp.up_proj.__class__ = Quantised
    model = add_adapter(base, config, seed=0, total_steps=1)
    assert not any(isinstance(module, FusedLinear) for module in model.modules())
