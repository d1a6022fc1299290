"""The Scenes page: what is unexpected in the events of a run, and what is missing from them."""
