"""Cross entropy of rows of logits, with labels that are gathered and a mean that the host takes.

Each row has one logit that matters by itself, that of its label. The kernel picks it by a gather: the tensor of labels
is an index, used on a flat view of the logits.

    logits  ┌──────────────■───┐ label 14      loss = log(sum(exp(row))) - ■
            │──■───────────────│ label 2
            └─────────■────────┘ label 9       then losses.mean(), on the host
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of ``[rows, classes]`` logits and ``[rows]`` labels, a float32 scalar."""
    rows, classes = logits.size()
    losses = torch.empty([rows], dtype=torch.float32, device=logits.device)
    flat = logits.view(-1)
    for tile in hl.tile(rows):
        chosen = hl.load(flat, [tile.index * classes + labels[tile]]).to(torch.float32)
        values = logits[tile, :].to(torch.float32)
        largest = torch.amax(values, dim=-1)
        total = torch.exp(values - largest[:, None]).sum(dim=-1)
        losses[tile] = torch.log(total) + largest - chosen
    return losses.mean()


@helion.kernel()
def cross_entropy_ignoring(
    logits: torch.Tensor, labels: torch.Tensor, ignored: int = -100
) -> torch.Tensor:
    """The same, where rows labelled ``ignored`` do not count.

    Such rows gather no logit: ``extra_mask`` says which lanes of a load take part.
    """
    rows, classes = logits.size()
    losses = torch.empty([rows], dtype=torch.float32, device=logits.device)
    flat = logits.view(-1)
    for tile in hl.tile(rows):
        label = labels[tile]
        counted = label != ignored
        place = tile.index * classes + label
        chosen = hl.load(flat, [place], extra_mask=counted).to(torch.float32)
        loss = torch.logsumexp(logits[tile, :].to(torch.float32), dim=-1) - chosen
        losses[tile] = torch.where(counted, loss, 0.0)
    return losses.sum() / (labels != ignored).sum()


def reference(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The same by torch, in float32 or wider."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return torch.nn.functional.cross_entropy(wide, labels)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, classes = pick(gpu=8192, cpu=37), pick(gpu=32768, cpu=67)
    logits = torch.randn(rows, classes, device=DEVICE)
    labels = torch.randint(0, classes, (rows,), device=DEVICE)
    compare("cross entropy", cross_entropy, reference, (logits, labels))
    labels = torch.where(torch.rand(rows, device=DEVICE) < 0.2, -100, labels)
    compare("cross entropy, some ignored", cross_entropy_ignoring, reference, (logits, labels))


if __name__ == "__main__":
    main()
