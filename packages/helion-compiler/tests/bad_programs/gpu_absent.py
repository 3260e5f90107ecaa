from unittest import mock

import torch

from helion_compiler.building import target_of_device


def provoke() -> None:
    with mock.patch("torch.cuda.is_available", return_value=False):
        target_of_device(torch.device("cuda"))
