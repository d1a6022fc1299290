"""The rules of Camtrap DP 1.0.2 for its three tables, in short, so that a package can be checked without the network.

From the standard's table schemas (camtrap-dp.tdwg.org): name, type, and what a value must be.
"""

from typing import Any

MOMENT = {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}
TEXT: dict[str, Any] = {"type": "string"}
FLAG = {"type": "boolean"}
FILE_PATH = r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"
FEATURES = [
    "roadPaved",
    "roadDirt",
    "trailHiking",
    "trailGame",
    "roadUnderpass",
    "roadOverpass",
    "roadBridge",
    "culvert",
    "burrow",
    "nestSite",
    "carcass",
    "waterSource",
    "fruitingTree",
]


def _number(low: float | None = None, high: float | None = None, *, kind: str = "number") -> dict[str, Any]:
    limits = {"minimum": low, "maximum": high}
    return {"type": kind, "constraints": {name: value for name, value in limits.items() if value is not None}}


def _one_of(*names: str) -> dict[str, Any]:
    return {"type": "string", "constraints": {"enum": list(names)}}


def _must(rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**rule, "constraints": {**rule.get("constraints", {}), "required": True, **more}}


def _whole(low: int | None = None, high: int | None = None) -> dict[str, Any]:
    return _number(low, high, kind="integer")


DEPLOYMENTS = {
    "deploymentID": _must(TEXT, unique=True),
    "locationID": TEXT,
    "locationName": TEXT,
    "latitude": _must(_number(-90, 90)),
    "longitude": _must(_number(-180, 180)),
    "coordinateUncertainty": _whole(1),
    "deploymentStart": _must(MOMENT),
    "deploymentEnd": _must(MOMENT),
    "setupBy": TEXT,
    "cameraID": TEXT,
    "cameraModel": TEXT,
    "cameraDelay": _whole(0),
    "cameraHeight": _number(0),
    "cameraDepth": _number(0),
    "cameraTilt": _whole(-90, 90),
    "cameraHeading": _whole(0, 360),
    "detectionDistance": _number(0),
    "timestampIssues": FLAG,
    "baitUse": FLAG,
    "featureType": _one_of(*FEATURES),
    "habitat": TEXT,
    "deploymentGroups": TEXT,
    "deploymentTags": TEXT,
    "deploymentComments": TEXT,
}
MEDIA = {
    "mediaID": _must(TEXT, unique=True),
    "deploymentID": _must(TEXT),
    "captureMethod": _one_of("activityDetection", "timeLapse"),
    "timestamp": _must(MOMENT),
    "filePath": _must(TEXT, pattern=FILE_PATH),
    "filePublic": _must(FLAG),
    "fileName": TEXT,
    "fileMediatype": _must(TEXT, pattern=r"^(image|video|audio)/.*$"),
    "exifData": {"type": "any"},
    "favorite": FLAG,
    "mediaComments": TEXT,
}
OBSERVATIONS = {
    "observationID": _must(TEXT, unique=True),
    "deploymentID": _must(TEXT),
    "mediaID": TEXT,
    "eventID": TEXT,
    "eventStart": _must(MOMENT),
    "eventEnd": _must(MOMENT),
    "observationLevel": _must(_one_of("media", "event")),
    "observationType": _must(_one_of("animal", "human", "vehicle", "blank", "unknown", "unclassified")),
    "cameraSetupType": _one_of("setup", "calibration"),
    "scientificName": TEXT,
    "count": _whole(1),
    "lifeStage": _one_of("adult", "subadult", "juvenile"),
    "sex": _one_of("female", "male"),
    "behavior": TEXT,
    "individualID": TEXT,
    "individualPositionRadius": _number(0),
    "individualPositionAngle": _number(-90, 90),
    "individualSpeed": _number(0),
    "bboxX": _number(0, 1),
    "bboxY": _number(0, 1),
    "bboxWidth": _number(1e-15, 1),
    "bboxHeight": _number(1e-15, 1),
    "classificationMethod": _one_of("human", "machine"),
    "classifiedBy": TEXT,
    "classificationTimestamp": MOMENT,
    "classificationProbability": _number(0, 1),
    "observationTags": TEXT,
    "observationComments": TEXT,
}
TABLES = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}
KEYS = {"deployments": "deploymentID", "media": "mediaID", "observations": "observationID"}
POINTS_TO = {"media": ["deployments"], "observations": ["deployments", "media"]}


def table_schema(name: str) -> dict[str, Any]:
    """One table's schema, as frictionless takes it."""
    return {
        "fields": [{"name": column, **rule} for column, rule in TABLES[name].items()],
        "missingValues": [""],
        "primaryKey": KEYS[name],
        "foreignKeys": [
            {"fields": KEYS[other], "reference": {"resource": other, "fields": KEYS[other]}}
            for other in POINTS_TO.get(name, ())
        ],
    }
