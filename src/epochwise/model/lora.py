"""LoRA's product and the frozen layer's beside it, as one step of the backward pass."""

from typing import Any

import torch
from jaxtyping import Float
from peft.tuners.lora import Linear
from torch import Tensor, nn


class Fused(torch.autograd.Function):
    """x W' + bias + scaling (x A') B', LoRA's layer (2106.09685), all of one dtype.

    Left to autograd, scaling and summing pass over whole activations four times a layer, and each
    product is an entry of its own in the backward pass.
    """

    @staticmethod
    def forward(  # noqa: PLR0913 - what a layer has
        ctx: Any,
        x: Float[Tensor, "*rows inputs"],
        weight: Float[Tensor, "outputs inputs"],
        bias: Float[Tensor, " outputs"] | None,
        a: Float[Tensor, "rank inputs"],
        b: Float[Tensor, "outputs rank"],
        scaling: float,
    ) -> Float[Tensor, "*rows outputs"]:
        flat = x.reshape(-1, x.shape[-1])
        inner = flat @ a.T
        out = flat @ weight.T if bias is None else torch.addmm(bias, flat, weight.T)
        ctx.save_for_backward(flat, weight, a, b, inner)
        ctx.scaling, ctx.shape = scaling, x.shape
        return out.addmm_(inner, b.T, alpha=scaling).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(
        ctx: Any, gradient: Float[Tensor, "*rows outputs"]
    ) -> tuple[Tensor | None, None, None, Tensor, Tensor, None]:
        flat, weight, a, b, inner = ctx.saved_tensors
        above = gradient.reshape(-1, gradient.shape[-1])
        between = (above @ b).mul_(ctx.scaling)
        below = None
        if ctx.needs_input_grad[0]:
            below = (above @ weight).addmm_(between, a).view(ctx.shape)
        return below, None, None, between.T @ flat, (above.T @ inner).mul_(ctx.scaling), None


class FusedLinear(Linear):
    """peft's LoRA layer, with a faster way for what is trained most: one plain LoRA."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        dtype = _arithmetic(x)
        if args or kwargs or not self._is_plain(dtype):
            out: Tensor = super().forward(x, *args, **kwargs)
            return out
        (name,) = self.active_adapters
        base = self.get_base_layer()
        a, b = self.lora_A[name].weight, self.lora_B[name].weight
        parts = (x, base.weight, base.bias, a, b)
        same = (None if part is None else part.to(dtype) for part in parts)
        fused: Tensor = Fused.apply(*same, self.scaling[name])
        return fused

    def _is_plain(self, dtype: torch.dtype) -> bool:
        """One adapter is on, it is LoRA as first described, and the layer computes in `dtype`."""
        names = self.active_adapters
        if len(names) != 1 or names[0] not in self.lora_A:
            return False
        varied = self.lora_variant or self.lora_bias[names[0]]
        drops = not isinstance(self.lora_dropout[names[0]], nn.Identity)
        off = self.disable_adapters or self.merged
        return not (varied or drops or off) and self.get_base_layer().weight.dtype == dtype


def _arithmetic(x: Tensor) -> torch.dtype:
    """What a product with `x` is computed in, here and now."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
