"""Labelled photos of three species that differ by colour, with a COCO file."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

COATS = {"deer": (150, 110, 60), "fox": (220, 80, 20), "hare": (60, 60, 160)}


def draw_three_coats(folder: Path, *, n: int = 48) -> Path:
    """``n`` photos of a box each, the species in turn; each is an event of its own. Returns the file of labels."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(n):
        pixels = np.full((48, 64, 3), (60, 110, 60), np.float64)
        pixels[8:32, 8:40] = list(COATS.values())[i % len(COATS)] + rng.normal(0, 8, 3)
        pixels += rng.normal(0, 3, pixels.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"IMG_{i:03d}.png")
        images.append({"id": i, "file_name": f"IMG_{i:03d}.png", "width": 64, "height": 48})
        annotations.append({"id": i, "image_id": i, "category_id": i % len(COATS), "bbox": [8, 8, 32, 24]})
    categories = [{"id": k, "name": name} for k, name in enumerate(COATS)]
    labels = folder / "labels.json"
    labels.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return labels
