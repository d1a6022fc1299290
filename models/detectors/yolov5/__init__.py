"""Detectors in the format of the YOLOv5 and YOLOv9 repositories, which Ultralytics' package cannot open."""
