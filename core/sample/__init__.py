"""The seeded sample season: three cameras, day and night, four species and a few intruders."""

from core.sample.scenes import render_scene
from core.sample.season import DEFAULT_SEED, SampleReport, render_season
from core.sample.species import INTRUDERS, KNOWN

__all__ = ["DEFAULT_SEED", "INTRUDERS", "KNOWN", "SampleReport", "render_scene", "render_season"]
