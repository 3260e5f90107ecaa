"""Settings: how a kernel is compiled, run and tuned, apart from the choices a Config makes.

Each setting is a keyword of ``@helion.kernel``, an environment variable (the keyword wins) and an attribute here. They
are read once, when the kernel is decorated. The table is the class: every field carries its words and its check.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import attrs

from helion.constraints import nearest
from helion.exc import InvalidSetting
from helion.ref_mode import as_flag
from helion.setting_kinds import (
    DEVICES,
    FLAG,
    FROM_CACHE,
    OPTIONAL_PATH,
    PATH,
    Kind,
    choice,
    count,
    optional,
    positive_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion.cached_configs import FromCache
    from helion.ref_mode import RefMode

_KIND = "kind"
_HELP = "help"
_VARIABLES = "variables"


def _setting(
    default: Any,
    kind: Kind,
    words: str,
    *,
    variables: tuple[str, ...] = (),
    converter: Callable[[Any], Any] | None = None,
) -> Any:
    """A field with its check; ``variables`` are names in the environment besides the usual one."""

    def check(_: Settings, field: attrs.Attribute[Any], value: object) -> None:
        if not kind.accepts(value):
            raise InvalidSetting(
                setting=field.name,
                value=repr(value),
                problem=f"this is not {kind.allowed}",
                allowed=f"{field.name} must be {kind.allowed}",
            )

    metadata = {_KIND: kind, _HELP: words, _VARIABLES: variables}
    return attrs.field(default=default, validator=check, metadata=metadata, converter=converter)


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of one kernel. :meth:`read` fills in what the environment says; the constructor does not.

    Raises:
        InvalidSetting: a value is not of the kind that the setting takes.
    """

    static_shapes: bool = _setting(
        default=True,
        kind=FLAG,
        words="Specialise on every size and stride; otherwise sizes are symbolic.",
    )
    dot_precision: Literal["tf32", "tf32x3", "ieee"] = _setting(
        "tf32", choice("tf32", "tf32x3", "ieee"), "Precision of float32 matrix products."
    )
    fast_math: bool = _setting(
        default=False,
        kind=FLAG,
        words="Let float32 exponentials, quotients, square roots and hyperbolic tangents be approximate:"
        " a few units in the last place instead of one; tanh to 2**-21.",
    )
    programmatic_dependent_launch: bool = _setting(
        default=False,
        kind=FLAG,
        words="Let the kernel's programs be set up while the kernel ahead of it in the stream still runs; they wait for"
        " it before they touch memory. NVIDIA GPUs from sm_90 on, kernels without barriers; others are refused.",
    )
    backend: Literal["triton"] = _setting("triton", choice("triton"), "What is generated.")
    persistent_reserved_sms: int = _setting(
        0, count(0), "Multiprocessors that persistent kernels leave free."
    )
    ref_mode: bool = _setting(
        default=False,
        kind=FLAG,
        words="Run the kernel's own Python on real slices instead of compiling it; or a RefMode.",
        variables=("HELION_INTERPRET",),
        converter=as_flag,
    )
    bundle: str | None = _setting(
        None,
        OPTIONAL_PATH,
        "A bundle to run from, with helion-runtime, instead of compiling; or several, separated as in PATH.",
    )
    print_output_code: bool = _setting(
        default=False,
        kind=FLAG,
        words="Print the generated source to standard error when it is first compiled.",
    )
    print_repro: bool = _setting(
        default=False,
        kind=FLAG,
        words="Print a program that compiles the same kernel for the same arguments, when it is first compiled.",
    )
    logs: str | None = _setting(
        None,
        OPTIONAL_PATH,
        "Stages to log to standard error, with commas between: trace, passes, schedule, emit, build, or all.",
    )
    output_origin_lines: bool = _setting(
        default=True,
        kind=FLAG,
        words="Put the kernel's source lines into the generated source as comments.",
    )
    autotune_effort: Literal["none", "quick", "full"] = _setting(
        "quick",
        choice("none", "quick", "full"),
        "How long to search; none uses the default config.",
    )
    autotune_budget_seconds: float | None = _setting(
        None, optional(positive_number()), "When to stop searching; None leaves it to the effort."
    )
    autotune_max_generations: int | None = _setting(
        None, optional(count(1)), "When to stop searching; None leaves it to the effort."
    )
    autotune_random_seed: int | None = _setting(
        None, optional(count(0)), "Makes a search repeatable, as far as measuring allows."
    )
    force_autotune: bool = _setting(
        default=False, kind=FLAG, words="Search even if a config is given or remembered."
    )
    disallow_autotuning: bool = _setting(
        default=False,
        kind=FLAG,
        words="Refuse to search; for production and for tests.",
        variables=("HELION_AUTOTUNE_FROZEN",),
    )
    autotune_lock: str | None = _setting(
        None,
        OPTIONAL_PATH,
        "A file of chosen configs, to commit: looked into before anything else, and written by searches.",
    )
    autotune_agree: bool = _setting(
        default=False,
        kind=FLAG,
        words="Let rank 0 of a torch.distributed job choose for all ranks, which must call the same kernels in turn.",
    )
    autotune_cache: str = _setting(
        os.path.join("~", ".cache", "helion"),
        PATH,
        "Directory that keeps the results of searches; ~ is the home directory.",
        variables=("HELION_CACHE_DIR",),
    )
    autotune_precompile_jobs: int | None = _setting(
        None, optional(count(1)), "Threads that compile while searching; None takes every core."
    )
    autotune_isolation: bool = _setting(
        default=True,
        kind=FLAG,
        words="Measure candidates in a process of their own, so that one that crashes or hangs ends nothing else.",
    )
    autotune_devices: str | None = _setting(
        None,
        optional(DEVICES),
        "GPUs that a search measures on at the same time; None is that of the arguments, ray those of a Ray cluster.",
    )
    autotune_compile_timeout: float = _setting(
        20.0, positive_number(), "Seconds that a candidate may take to compile."
    )
    autotune_benchmark_timeout: float = _setting(
        20.0,
        positive_number(),
        "Seconds that checking and timing a candidate may take, in isolation.",
    )
    autotuner_fn: FromCache | None = _setting(  # noqa: RUF009  # a field, as all of them are
        None,
        FROM_CACHE,
        "How to choose a config: helion.from_cache(...) measures what earlier searches found; None searches.",
    )
    autotune_accuracy_check: bool = _setting(
        default=True,
        kind=FLAG,
        words="Compare every candidate's output with reference mode, or with the untuned config where that cannot run.",
    )
    autotune_baseline_atol: float | None = _setting(
        None,
        optional(positive_number(zero=True)),
        "Absolute tolerance of the comparison; None takes that of the dtype, or of the coarsest float that "
        "values are rounded to on the way to the result.",
    )
    autotune_baseline_rtol: float | None = _setting(
        None,
        optional(positive_number(zero=True)),
        "Relative tolerance of the comparison; None takes that of the dtype, or of the coarsest float that "
        "values are rounded to on the way to the result.",
    )
    autotune_progress_bar: bool = _setting(
        default=True, kind=FLAG, words="Show progress while searching."
    )

    @classmethod
    def read(
        cls, given: Mapping[str, Any], environment: Mapping[str, str] = os.environ
    ) -> Settings:
        """Settings from keywords, then from the environment, then from defaults.

        Raises:
            InvalidSetting: a keyword is no setting, a value does not fit, or a variable cannot be read as one.
        """
        known = attrs.fields_dict(cls)
        for name, value in given.items():
            if name not in known:
                guess = nearest(name, known)
                raise InvalidSetting(
                    setting=name,
                    value=repr(value),
                    problem="there is no such setting",
                    allowed=f"did you mean `{guess}`?"
                    if guess
                    else f"settings: {', '.join(known)}",
                )
        found = dict(given)
        for name in known.keys() - given.keys():
            for variable in variables_of(name):
                if variable in environment:
                    found[name] = _parsed(name, variable, environment[variable])
                    break
        return cls(**found)


class SettingKeywords(TypedDict, total=False):
    """The keywords of ``@helion.kernel`` that are settings; see :class:`Settings`."""

    static_shapes: bool
    dot_precision: Literal["tf32", "tf32x3", "ieee"]
    fast_math: bool
    programmatic_dependent_launch: bool
    backend: Literal["triton"]
    persistent_reserved_sms: int
    ref_mode: bool | RefMode
    bundle: str | None
    print_output_code: bool
    print_repro: bool
    logs: str | None
    output_origin_lines: bool
    autotune_effort: Literal["none", "quick", "full"]
    autotune_budget_seconds: float | None
    autotune_max_generations: int | None
    autotune_random_seed: int | None
    force_autotune: bool
    disallow_autotuning: bool
    autotune_lock: str | None
    autotune_agree: bool
    autotune_cache: str
    autotune_precompile_jobs: int | None
    autotune_isolation: bool
    autotune_devices: str | None
    autotune_compile_timeout: float
    autotune_benchmark_timeout: float
    autotuner_fn: FromCache | None
    autotune_accuracy_check: bool
    autotune_baseline_atol: float | None
    autotune_baseline_rtol: float | None
    autotune_progress_bar: bool


def variables_of(name: str) -> tuple[str, ...]:
    """The environment variables that give a setting its value; the first one that is set counts."""
    return (
        f"HELION_{name.upper()}",
        *attrs.fields_dict(Settings)[name].metadata[_VARIABLES],
    )


def help_of(name: str) -> str:
    """What a setting does, in a sentence, for documentation and ``--help``."""
    text: str = attrs.fields_dict(Settings)[name].metadata[_HELP]
    return text


def allowed_of(name: str) -> str:
    """What a setting may hold, in words."""
    kind: Kind = attrs.fields_dict(Settings)[name].metadata[_KIND]
    return kind.allowed


def _parsed(name: str, variable: str, text: str) -> Any:
    kind: Kind = attrs.fields_dict(Settings)[name].metadata[_KIND]
    try:
        value = kind.parse(text)
    except ValueError:
        value = None
    else:
        if kind.accepts(value):
            return value
    raise InvalidSetting(
        setting=f"{name} (from {variable})",
        value=repr(text),
        problem=f"this is not {kind.allowed}",
        allowed=f"set {variable} to {kind.allowed}, or unset it",
    )
