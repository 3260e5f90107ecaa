"""Settings: keyword, then environment, then default."""

from __future__ import annotations

import attrs
import pytest

import helion
from helion.exc import InvalidSetting
from helion.settings import SettingKeywords, Settings, allowed_of, help_of, variables_of

NAMES = [field.name for field in attrs.fields(Settings)]


def test_keyword_wins_over_environment_over_default() -> None:
    environment = {"HELION_DOT_PRECISION": "ieee", "HELION_STATIC_SHAPES": "0"}
    settings = Settings.read({"static_shapes": True}, environment)
    assert settings.static_shapes
    assert settings.dot_precision == "ieee"
    assert settings.persistent_reserved_sms == 0


def test_constructor_does_not_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELION_DOT_PRECISION", "ieee")
    assert Settings().dot_precision == "tf32"
    assert Settings.read({}).dot_precision == "ieee"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_documented_and_read_from_its_variable(name: str) -> None:
    assert help_of(name).endswith(".")
    assert allowed_of(name)
    variable = variables_of(name)[0]
    assert variable == f"HELION_{name.upper()}"
    default = getattr(Settings(), name)
    text = "none" if default is None else str(int(default) if default in (0, 1) else default)
    assert getattr(Settings.read({}, {variable: text}), name) == default


@pytest.mark.parametrize("name", NAMES)
def test_no_setting_takes_an_object(name: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        Settings(**{name: object()})


def test_other_names_of_variables() -> None:
    assert Settings.read({}, {"HELION_INTERPRET": "1"}).ref_mode
    assert not Settings.read({}, {"HELION_REF_MODE": "0", "HELION_INTERPRET": "1"}).ref_mode
    assert Settings.read({}, {"HELION_CACHE_DIR": "/there"}).autotune_cache == "/there"


def test_decorator_keywords_are_the_settings() -> None:
    assert list(SettingKeywords.__annotations__) == NAMES


def test_settings_are_read_when_the_kernel_is_decorated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELION_AUTOTUNE_EFFORT", "none")

    @helion.kernel
    def kernel(x: int) -> int:
        return x

    monkeypatch.setenv("HELION_AUTOTUNE_EFFORT", "full")
    assert kernel.settings.autotune_effort == "none"


def test_settings_object_excludes_single_settings() -> None:
    with pytest.raises(InvalidSetting, match="static_shapes given as well"):
        helion.kernel(settings=Settings(), static_shapes=False)
    chosen = Settings(static_shapes=False)

    @helion.kernel(settings=chosen)
    def kernel(x: int) -> int:
        return x

    assert kernel.settings is chosen


def test_reference_mode_has_names() -> None:
    assert helion.Settings(ref_mode=helion.RefMode.EAGER).ref_mode is True
    assert helion.Settings(ref_mode=helion.RefMode.OFF).ref_mode is False
    assert helion.Settings.read({"ref_mode": helion.RefMode.EAGER}).ref_mode is True
    with pytest.raises(InvalidSetting):
        helion.Settings(ref_mode="eager")  # type: ignore[arg-type]  # the mistake under test


def test_configs_from_the_cache_are_a_setting() -> None:
    chosen = helion.from_cache(max_configs=3, configs=[{"block_sizes": [64]}])
    assert chosen.max_configs == 3
    assert chosen.configs == (helion.Config(block_sizes=[64]),)
    assert Settings(autotuner_fn=chosen).autotuner_fn is chosen
    assert helion.from_cache().max_configs == 20
    with pytest.raises(InvalidSetting, match="from_cache"):
        Settings.read({}, {"HELION_AUTOTUNER_FN": "from_cache"})


@pytest.mark.parametrize("most", [0, -1, True, 2.0])
def test_number_of_configs_from_the_cache(most: object) -> None:
    with pytest.raises(helion.exc.InvalidConfig, match="max_configs"):
        helion.from_cache(max_configs=most)  # type: ignore[arg-type]  # the mistake under test
