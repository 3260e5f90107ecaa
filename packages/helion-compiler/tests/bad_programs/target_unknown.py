import torch

import helion
import helion.language as hl


from helion_compiler.building import parse_target


def provoke() -> None:
    parse_target("sm90")
