"""A model cut into parts, one a rank: for base models that no single device holds (FSDP)."""

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from epochwise.model.ranks import Ranks


def shard(model: nn.Module, base: PreTrainedModel, ranks: Ranks) -> None:
    """Cut every layer of `base`, and what is left of `model`, over the ranks; in place.

    Each layer is put together for its own forward and backward pass only. Gradients come out
    averaged over the ranks.
    """
    mesh = init_device_mesh(ranks.device.type, (ranks.size,))
    for part in (*base.get_decoder().layers, model):
        fully_shard(part, mesh=mesh)


def is_sharded(model: nn.Module) -> bool:
    return isinstance(model, FSDPModule)


def whole(tensor: Tensor) -> Tensor:
    """The tensor, put together from the parts of all ranks where it is cut."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(target: Tensor, tensor: Tensor) -> Tensor:
    """`tensor` on the device of `target`, cut as it is."""
    if isinstance(target, DTensor):
        there = tensor.to(target.device_mesh.device_type)
        return distribute_tensor(there, target.device_mesh, target.placements)
    return tensor.to(target.device, copy=True)


def put(target: Tensor, tensor: Tensor) -> None:
    """Write `tensor` into `target`, in place."""
    with torch.no_grad():
        target.copy_(like(target, tensor))
