"""Makes the bundled folder of a trained detector: `python -m models.weights.export_detector`."""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from models.detectors.ultralytics_opening import open_yolo
from models.weights.train_detector import CHECKPOINT, HERE, PLAN

TARGET = HERE / "detector_openvino_model"
EXPORT_PX = 416


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--side-px", type=int, default=EXPORT_PX)
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    export(args.checkpoint, args.out, side_px=args.side_px)


def export(checkpoint: Path, target: Path, *, side_px: int = EXPORT_PX) -> None:
    """Write the OpenVINO folder, half precision, through Ultralytics' own export (which adds metadata.yaml)."""
    wrapper: Any = open_yolo(PLAN)
    wrapper.model.load_state_dict(load_file(checkpoint))
    wrapper.model.names = {0: "animal"}
    # Ultralytics writes its export beside the checkpoint, and puts the checkpoint's name into it.
    wrapper.model.pt_path = wrapper.ckpt_path = str(checkpoint.with_suffix(".pt"))
    made = Path(wrapper.export(format="openvino", imgsz=side_px, quantize=16, device="cpu", verbose=False))
    if made.resolve() != target.resolve():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)
    print(json.dumps({file.name: file.stat().st_size for file in sorted(target.iterdir())}), flush=True)


if __name__ == "__main__":
    main()
