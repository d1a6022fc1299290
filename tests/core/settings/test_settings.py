"""Settings are checked when they are made, named in the complaint, and never changed in silence."""

import pytest

from core.errors import AnomalureError
from core.settings.run import SETTINGS, RunSettings


def test_the_defaults_are_in_range():
    assert RunSettings.from_values({}) == RunSettings()


def test_settings_survive_being_written_down():
    settings = RunSettings(min_confidence=0.1, species_table='{"sheep": "deer"}')
    assert RunSettings.from_values(settings.to_values()) == settings


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("event_gap_s", -1.0, "between 0.0 and 86400.0"),
        ("event_gap_s", float("nan"), "finite"),
        ("event_gap_s", "60", "type float"),
        ("detector_image_px", 640.5, "type int"),
        ("detector_image_px", True, "type int"),
        ("detector_image_px", 10, "between 64"),
        ("false_alarm_rate", 0.0, "between 0.0001 and 0.5"),
        ("false_alarm_rate", 1.0, "between 0.0001 and 0.5"),
        ("species_from", "guess", "one of fit, detector"),
        ("species_table", "{sheep: deer}", "must be JSON"),
        ("species_table", "[1]", "map class names"),
        ("species_table", '{"sheep": 1}', "map class names"),
        ("nms_across_classes", 1, "type bool"),
        ("eps", 1.0, "Unknown setting eps"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value, complaint):
    with pytest.raises(AnomalureError, match=complaint):
        RunSettings.from_values({name: value})


def test_a_whole_number_is_fine_where_a_fraction_may_stand():
    assert RunSettings(event_gap_s=30).event_gap_s == 30.0


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_explained(setting):
    assert setting.label
    assert setting.help.endswith(".")
    assert setting.group
