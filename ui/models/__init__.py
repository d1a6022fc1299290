"""The Models page: published models, and those of them that are on this computer."""
