"""nf4 weights with their bf16 values beside them, so that no step dequantises them again.

The numbers stay those of bitsandbytes' Linear4bit, bit for bit: what it computes in each forward
and backward is computed once. It costs 2 bytes a weight more.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from bitsandbytes.autograd._functions import matmul_4bit
from bitsandbytes.functional import QuantState, dequantize_4bit
from bitsandbytes.nn.modules import Linear4bit, Params4bit
from torch import Tensor, nn

BYTES = 2  # of a bf16 value
HEADROOM = 2  # times what the values need must be free: activations and optimizer come later


class Dequantised(Linear4bit):
    """A frozen Linear4bit that also keeps the values of its weight; to peft it is one as before."""

    values: Tensor

    def __init__(self, linear: Linear4bit) -> None:
        super().__init__(
            linear.in_features,
            linear.out_features,
            bias=False,
            compute_dtype=linear.compute_dtype,
            device="meta",
        )
        self.weight, self.bias = linear.weight, linear.bias
        self.register_buffer("values", _values(linear), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(self.compute_dtype)
        product: Tensor = _Product.apply(x.to(self.compute_dtype), bias, self)
        return product.to(x.dtype)


class _Product(torch.autograd.Function):
    """bitsandbytes' MatMul4Bit (0.50.2) with the dequantised weight at hand."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, bias: Tensor | None, linear: Dequantised) -> Tensor:
        ctx.values = linear.values
        ctx.bias_dtype = None if bias is None else bias.dtype
        if inputs.is_cuda:  # there a fused kernel reads nf4 and sums in an order of its own
            product: Tensor = matmul_4bit(inputs, linear.weight, _state(linear), bias=bias)
            return product
        return F.linear(inputs, linear.values, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        of_inputs, of_bias, _ = ctx.needs_input_grad
        return (
            torch.matmul(gradient, ctx.values.to(gradient.dtype)) if of_inputs else None,
            gradient.sum(0, dtype=ctx.bias_dtype) if of_bias else None,
            None,
        )


def keep_values(model: nn.Module, *, room: int) -> None:
    """Every Linear4bit of `model` becomes Dequantised if `room`, in bytes, is ample for that."""
    linears = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is Linear4bit
    ]
    needed = sum(child.in_features * child.out_features * BYTES for *_, child in linears)
    if room >= HEADROOM * needed:
        for parent, name, child in linears:
            parent.add_module(name, Dequantised(child))


def free_memory(device: torch.device) -> int:
    """Bytes; 0 where the system does not say, as macOS."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.is_file() else []
    available = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(available[0]) * 1024 if available else 0


def _values(linear: Linear4bit) -> Tensor:
    return dequantize_4bit(linear.weight.data.view(-1, 1), _state(linear)).to(linear.compute_dtype)


def _state(linear: Linear4bit) -> QuantState:
    assert isinstance(linear.weight, Params4bit)
    state: QuantState | None = linear.weight.quant_state
    assert state is not None
    return state
