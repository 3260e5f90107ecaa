import torch

import helion
import helion.language as hl


from unittest import mock

from helion_compiler.building import target_of_device


def provoke() -> None:
    with mock.patch("torch.cuda.is_available", return_value=False):
        target_of_device(torch.device("cuda"))
