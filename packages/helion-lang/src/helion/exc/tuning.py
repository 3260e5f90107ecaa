"""Problems with configs, settings, tuning and the places where results are kept."""

from __future__ import annotations

from helion.exc.base import HelionError


class InvalidConfig(HelionError):
    """A config key is unknown, malformed, or does not fit the kernel."""

    title = "invalid config"
    message = "{key} = {value}: {problem}"
    help = "{allowed}"


class InvalidSetting(HelionError):
    """A setting is unknown or has a value it cannot take."""

    title = "invalid setting"
    message = "{setting} = {value}: {problem}"
    help = "{allowed}"


class ConfigFileError(HelionError):
    """A file of configs cannot be read or written."""

    title = "unusable config file"
    message = "cannot {action} {path}: {reason}"
    help = "{remedy}"


class NotEnoughConfigs(HelionError):
    """Tuning was asked to choose among fewer configs than it needs."""

    title = "not enough configs"
    message = "{found} config(s) given where at least {expected} are needed"
    help = "give more in `configs=[...]`, or leave it out to search all"


class NoConfigFound(HelionError):
    """Every config that was tried failed."""

    title = "no config works"
    message = "none of the {tried} configs tried for `{kernel}` ran and gave the right result"
    help = "the notes say why each failed; run one with `config=` to see its error in full"


class AutotuneError(HelionError):
    """A search failed as a whole."""

    title = "tuning failed"
    message = "tuning `{kernel}` failed: {reason}"
    help = "give a config with `config=` to run without tuning"


class AutotuningDisallowedInEnvironment(HelionError):
    """A kernel would have to be tuned, and tuning is switched off."""

    title = "tuning is not allowed here"
    message = "`{kernel}` has no config for these arguments, and `disallow_autotuning` is set"
    help = "give a config with `config=`, tune beforehand, or unset HELION_DISALLOW_AUTOTUNING"


class CacheNotWritable(HelionError):
    """Results cannot be kept."""

    title = "cache not writable"
    message = "cannot write to {path}: {reason}"
    help = "set HELION_AUTOTUNE_CACHE to a directory you may write to"


class ReferenceTimeout(HelionError):
    """Reference mode took longer than it was given."""

    title = "reference mode takes too long"
    message = "the kernel's own Python took more than {seconds} s in reference mode"
    help = "give it more time, or smaller inputs"
