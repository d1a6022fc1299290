"""Files of classifiers, small enough to be written in a test; in the form in which the programs write them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.records import JudgedBy
from core.runs.classified.scoring import ClassifiedScorer
from core.runs.folder import RunFolder
from core.runs.parts import EmbeddedShards
from core.settings.run import RunSettings

UUID = "1f689929-883d-4dae-958c-3d57ab5b6c16"
FOX = f"{UUID};mammalia;carnivora;canidae;vulpes;vulpes;red fox"
COYOTE = f"{UUID};mammalia;carnivora;canidae;canis;latrans;coyote"
LYNX = f"{UUID};mammalia;carnivora;felidae;lynx;lynx;eurasian lynx"
BLANK = f"{UUID};;;;;;blank"
ANIMAL = f"{UUID};;;;;;animal"
HUMAN = f"{UUID};mammalia;primates;hominidae;homo;sapiens;human"
NO_RESULT = f"{UUID};{';'.join(['no cv result'] * 6)}"
LEFT, RIGHT = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 0.5, 1.0]
DEEPFAUNE = "filename,date,seqnum,predictionbase,scorebase,prediction,score,count\n"


def predict(name: str, *pairs: tuple[str, float], boxes=(), **more: Any) -> dict[str, Any]:
    """An entry of SpeciesNet: its classes with scores, the first of which is the prediction."""
    answer = {"prediction": pairs[0][0], "prediction_score": pairs[0][1]} if pairs else {}
    return {
        "filepath": name,
        "classifications": {"classes": [one for one, _ in pairs], "scores": [score for _, score in pairs]},
        "detections": [{"category": "1", "label": "animal", "conf": 0.9, "bbox": box} for box in boxes],
        **answer,
        "prediction_source": "classifier",
        "model_version": "4.0.0a",
    } | more


def speciesnet(*predictions: Any) -> dict[str, Any]:
    return {"predictions": list(predictions)}


def megadetector(*images: Any, **more: Any) -> dict[str, Any]:
    return {
        "info": {"format_version": "1.4", "classifier": "our classifier"},
        "detection_categories": {"1": "animal"},
        "classification_categories": {"0": "red fox", "1": "coyote"},
        "classification_category_descriptions": {"0": FOX, "1": COYOTE},
        "images": list(images),
    } | more


def box(where: Any, *pairs: Any) -> dict[str, Any]:
    """A detection of MegaDetector's JSON with its classes."""
    return {"category": "1", "conf": 0.9, "bbox": where, "classifications": list(pairs)}


def write(folder: Path, content: Any, name: str = "classes.json") -> Path:
    path = folder / name
    path.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode())
    return path


class ClassScorer:
    """Takes the class that it sees for the species; all crops are as odd as each other."""

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        for crops, _ in shards:
            yield pd.DataFrame(
                {
                    "crop_id": crops["crop_id"],
                    "species": crops["detector_class"].fillna(""),
                    "score": 1.0,
                    "p_value": 0.5,
                    "flagged": False,
                    "judged_by": str(JudgedBy.FIRST_LOOK),
                    "judged_against": crops["deployment"],
                }
            )


def classify(run: RunFolder, path: Path, *, drop: bool = False, own_names: Any = (), **settings: Any) -> RunFolder:
    """Score a finished run of ``tests.fakes.project`` again, with the names of a classifier's file."""
    scorer = ClassifiedScorer(
        ClassScorer(),
        run,
        path=path,
        settings=RunSettings(**settings),
        own_names=dict(own_names),
        as_class=True,
        drop_other_classes=drop,
    )
    run.write_all_scores(scorer.score(run.embedded_shards()))
    progress = run.read_progress()
    run.write_progress(replace(progress, heartbeat_at=progress.heartbeat_at + 1))
    return RunFolder.open(run.path)
