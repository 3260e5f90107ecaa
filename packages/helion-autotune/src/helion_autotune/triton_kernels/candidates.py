"""What a tuned Triton kernel may be launched with.

In: a Space whose names are arguments of the kernel and launch options, or a list of ``triton.Config``, unchanged.
Out: a Space either way, and for each of its points the keywords of the launch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.parameters import Choice
from helion_autotune.space import Space

if TYPE_CHECKING:
    from helion_autotune.point import Point

#: Keywords of a launch that are no arguments of the kernel.
LAUNCH_OPTIONS = frozenset(
    {
        "enable_fp_fusion", "kpack", "matrix_instr_nonkdim", "maxnreg", "num_ctas", "num_stages", "num_warps",
        "waves_per_eu",
    }
)  # fmt: skip
#: The one parameter of a space made of a list of configs.
CONFIG = "config"

Hook = Callable[[dict[str, Any]], object]


@attrs.frozen(eq=False)
class Candidates:
    """A space, and how to launch its points. ``configs`` is empty unless it was made of a list."""

    space: Space
    configs: Mapping[str, Any]

    def options(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords that this point adds to the launch."""
        if self.configs:
            return dict(self.configs[point[CONFIG]].all_kwargs())
        return dict(point)

    def pre_hook(self, point: Point) -> Hook | None:
        """What a ``triton.Config`` wants to be called with the arguments before each launch."""
        return getattr(self.configs[point[CONFIG]], "pre_hook", None) if self.configs else None

    def first(self) -> Point:
        """The first config, or the space's default."""
        return self.space.default

    def only(self) -> Point | None:
        """The one point there is, or None when there are more."""
        size = self.space.size
        return next(self.space.points()) if size.exact and size.count == 1 else None

    def point_of(self, chosen: Any) -> Point:
        """The point meant by ``chosen``: a config of the list, or a mapping of the space's names.

        Raises ValueError for one that does not belong here.
        """
        if self.configs:
            for name, config in self.configs.items():
                if config is chosen or config == chosen:
                    return self.space.point({CONFIG: name})
            raise ValueError(f"{chosen} is none of the configs: {'; '.join(self.configs)}")
        point = self.space.point(chosen)
        violations = self.space.check(point)
        if violations:
            raise ValueError(f"{point} does not fit: {'; '.join(map(str, violations))}")
        return point


def candidates_of(
    configs: Space | Sequence[Any], arg_names: Sequence[str], kernel: str
) -> Candidates:
    """Candidates of a space or a list; raises ValueError for names the kernel does not have, or an empty list."""
    if isinstance(configs, Space):
        strangers = configs.parameters.keys() - set(arg_names) - LAUNCH_OPTIONS
        if strangers:
            raise ValueError(
                f"{sorted(strangers)} are neither arguments of {kernel} ({', '.join(arg_names)}) "
                f"nor launch options ({', '.join(sorted(LAUNCH_OPTIONS))})"
            )
        return Candidates(configs, {})
    named: dict[str, Any] = {}
    for config in configs:
        name = str(config)
        same = sum(other == name or other.startswith(f"{name} #") for other in named)
        named[f"{name} #{same + 1}" if same else name] = (
            config  # two may differ in their hooks only
        )
    if not named:
        raise ValueError(f"{kernel}: the list of configs is empty")
    return Candidates(Space({CONFIG: Choice(list(named))}), named)
