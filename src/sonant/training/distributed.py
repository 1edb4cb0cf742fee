"""One process or many: the loop is the same, and asks the World for what differs.

`torchrun --nproc-per-node 2 -m sonant train ...` starts several processes; torchrun's environment
variables tell each who it is. Gloo joins CPUs, NCCL joins GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from sonant.data.batches import Share
from sonant.errors import TrainingError


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The processes of a run, seen from one of them."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and talks to the user."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """The part of every batch this process takes."""
        return Share(rank=self.rank, of=self.size)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as the loop calls it: gradients are averaged over the processes."""
        if self.size == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids)

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients of what is not in the model that was wrapped."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= self.size

    def total(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Add figures up over the processes."""
        if self.size == 1 or not sums:
            return dict(sums)
        tensor = torch.tensor(list(sums.values()), dtype=torch.float64, device=self.device)
        distributed.all_reduce(tensor)
        return dict(zip(sums, tensor.tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether it holds in any of the processes."""
        if self.size == 1:
            return flag
        tensor = torch.tensor(int(flag), device=self.device)
        distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
        return bool(tensor.item())

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The World for the time of a run; `device` is `auto`, `cpu`, `cuda` or `cuda:1`."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    place = _device(device, local_rank=int(os.environ.get("LOCAL_RANK", "0")))
    world = World(rank=rank, size=size, device=place)
    if size == 1:
        yield world
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield world
        # Leaving while another process still talks to this one aborts it.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def _device(name: str, *, local_rank: int) -> torch.device:
    if name == "auto":
        name = f"cuda:{local_rank}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(f"cuda:{local_rank}" if name == "cuda" else name)
    except RuntimeError as error:
        raise TrainingError(
            f"device {name!r}: not a device; give auto, cpu, cuda or cuda:N"
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            f"device {name!r}: this torch sees no GPU; use --device cpu, or install torch for your "
            "GPU (see the README)"
        )
    return device
