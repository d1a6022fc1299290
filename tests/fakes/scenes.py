"""Scenes with rules that a model can learn, made without any photo."""

import json
from functools import cache

import numpy as np

from core.scenes.scene_set import SceneSet, make_scene_set

KITCHEN, STREET = ("cup", "fork", "oven"), ("bus", "car", "lamp")


def make_scenes(n: int = 400, *, seed: int = 0) -> SceneSet:
    """Half kitchens, half streets: of each place two or three of its three classes, and a dog in some."""
    rng = np.random.default_rng(seed)
    members = []
    for i in range(n):
        place = KITCHEN if i % 2 else STREET
        names = {name for name in place if rng.random() < 0.85} or {place[0]}
        members.append(dict.fromkeys(sorted(names | ({"dog"} if rng.random() < 0.2 else set())), 1))
    return make_scene_set([f"{i:04}.jpg" for i in range(n)], members)


def make_events(n: int = 600, *, seed: int = 0) -> SceneSet:
    """Events of two cameras: badgers come at night and only to the north one, deer by day to both, sometimes two."""
    from datetime import datetime, timedelta

    rng = np.random.default_rng(seed)
    members, cameras, times = [], [], []
    for i in range(n):
        camera = ("north", "south")[i % 2]
        is_badger = camera == "north" and rng.random() < 0.5
        hour = (rng.integers(21, 27) if is_badger else rng.integers(8, 18)) % 24
        members.append({"badger": 1} if is_badger else {"deer": 1 + int(rng.random() < 0.3)})
        cameras.append(camera)
        times.append(datetime(2026, 5, 1) + timedelta(days=int(i % 30), hours=int(hour)))
    return make_scene_set([f"e{i}" for i in range(n)], members, cameras=cameras, times=times, with_counts=True)


def write_coco_sets(path, scenes: SceneSet) -> None:
    """The scenes as COCO without boxes, as the file of categories that the experiments use."""
    rows, columns = scenes.present.tocoo().coords
    path.write_text(
        json.dumps(
            {
                "images": [{"id": i, "file_name": name} for i, name in enumerate(scenes.names)],
                "categories": [{"id": i, "name": name} for i, name in enumerate(scenes.classes)],
                "annotations": [
                    {"id": nth, "image_id": int(i), "category_id": int(j)}
                    for nth, (i, j) in enumerate(zip(rows, columns, strict=True))
                ],
            }
        )
    )


def make_company(n: int = 600, *, seed: int = 0) -> SceneSet:
    """Events of two cameras at noon: a deer nearly always comes with an owl; badgers come alone. No fox ever."""
    from datetime import datetime, timedelta

    rng = np.random.default_rng(seed)
    members = [
        {"badger": 1} if rng.random() < 0.5 else {"deer": 1, **({"owl": 1} if rng.random() < 0.98 else {})}
        for _ in range(n)
    ]
    return make_scene_set(
        [f"e{i}" for i in range(n)],
        members,
        cameras=[("north", "south")[i % 2] for i in range(n)],
        times=[datetime(2026, 5, 1, 0, 30) + timedelta(days=i % 20) for i in range(n)],
    )


def keep_company_model(project, name: str = "company"):
    """A model of ``make_company`` in a project's folder."""
    from models.scenes.kept import ROOM
    from models.scenes.trained import MODEL_FILE

    trained = _learn_company()
    (project.path / ROOM / name).mkdir(parents=True)
    trained.save(project.path / ROOM / name / MODEL_FILE)
    return trained


@cache
def _learn_company():
    """Learned once by all tests of a process: it takes seconds, and nobody changes it."""
    from models.scenes.training import train_scenes

    return train_scenes(make_company(), by="event")
