"""The detector's second lesson: `python -m models.weights.refine_detector`. See detector.md for what came of it.

It goes on from the bundled folder itself: the weights are read back from it, and what each layer's normalisation would
have been is measured anew. Training is at a quarter of the pixels of the first lesson, then at its size, so that a step
costs half a second of one processor.
"""

import argparse
import copy
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
import torch
from torch.utils._pytree import tree_map
from ultralytics.cfg import get_cfg
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel

from models.weights.train_detector import MOSAIC_SHARE, PLAN, TARGET, draw_batch, export
from models.weights.training_photos import TrainingPhoto, keep_mixed_photos, read_real_photos

STAGES = ((0.7, (192, 256)), (1.0, (256, 320)))  # until which share of the steps, at which rows and columns
FROZEN_LAYERS = 3  # edges and colours, at the highest resolution: they cost most and change least
MEASURED_BATCHES = 12
AVERAGED_STEPS = 150
KEEP_EVERY = 25


def main() -> None:
    """Render or read what is kept, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path, default=TARGET, help="the OpenVINO folder of the first lesson")
    parser.add_argument("--seed", type=int, default=3003)
    parser.add_argument("--kinds", type=int, default=260, help="made-up kinds of animal")
    parser.add_argument("--photos", type=int, default=1600, help="rendered photos, the encoder's too")
    parser.add_argument("--wildlife", type=Path, default=Path("../shared/data/wildlife"), help="lions and elephants")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="photos, and how far a training is")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    rendered = keep_mixed_photos(args.cache, seed=args.seed, photos=args.photos, kinds=args.kinds)
    real = read_real_photos(args.wildlife, longest_px=400)
    print(f"{len(rendered)} rendered and {len(real)} real photos", flush=True)
    model = DetectionModel(str(PLAN), ch=3, nc=1, verbose=False)
    model.args = get_cfg()  # type: ignore[assignment]  # Ultralytics' loss reads its gains from here
    model.names = {0: "animal"}
    read_back(model, args.start / "detector.xml", draw_measured(rendered, real, args))
    export(train(model, rendered, real, args), args.out)


def draw_measured(rendered: list[TrainingPhoto], real: list[TrainingPhoto], args: argparse.Namespace) -> torch.Tensor:
    """The pictures on which the normalisations are measured, (n, 3, rows, columns), 0 to 1."""
    rng = np.random.default_rng([args.seed, 3])
    side = STAGES[0][1]
    batches = [
        draw_batch(rng, rendered, real, args.batch, mosaics=MOSAIC_SHARE, side_px=side) for _ in range(MEASURED_BATCHES)
    ]
    return torch.cat([batch["img"] for batch in batches])


def read_back(model: DetectionModel, file: Path, pictures: torch.Tensor) -> None:
    """Put the weights of an exported detector into its network.

    An export has the batch normalisations folded into the convolutions. Here each one gets the mean and deviation of
    its own inputs on ``pictures``, and the scale and shift that undo them, so that the network computes the same.
    """
    weights = {}
    for op in ov.Core().read_model(file).get_ordered_ops():
        if op.get_type_name() == "Convolution":
            name = op.get_friendly_name().split("/")[0].removeprefix("__module.")
            following = next(iter(op.output(0).get_target_inputs())).get_node()
            bias = _constant(following.input_value(1)) if following.get_type_name() == "Add" else None
            weights[name] = (_constant(op.input_value(1)), bias)
    layers = dict(model.named_modules())
    model.eval()
    blocks: list[tuple[Conv, torch.Tensor]] = []
    with torch.no_grad():
        for name, (kernel, bias) in weights.items():
            convolution = layers[name]
            assert isinstance(convolution, torch.nn.Conv2d)
            convolution.weight.copy_(torch.from_numpy(kernel))
            block = layers.get(name.removesuffix(".conv")) if name.endswith(".conv") else None
            if isinstance(block, Conv):
                assert bias is not None
                shift = torch.from_numpy(bias.reshape(-1))
                blocks.append((block, shift))
                block.bn.running_mean.zero_()  # type: ignore[operator,union-attr]
                block.bn.running_var.fill_(1.0 - block.bn.eps)  # type: ignore[operator,union-attr]
                block.bn.weight.fill_(1.0)
                block.bn.bias.copy_(shift)
            elif bias is not None:
                assert convolution.bias is not None
                convolution.bias.copy_(torch.from_numpy(bias.reshape(-1)))
        _measure_norms(model, blocks, pictures)


def _constant(value: ov.Output) -> np.ndarray:
    node = value.get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return np.array(node.data, np.float32)


@dataclass
class _Sums:
    """Of the outputs of one convolution, each (channels,)."""

    total: torch.Tensor
    squares: torch.Tensor
    n: int = 0

    def add(self, _module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        self.total += output.sum((0, 2, 3))
        self.squares += output.square().sum((0, 2, 3))
        self.n += output.numel() // output.shape[1]


def _measure_norms(model: DetectionModel, blocks: list[tuple[Conv, torch.Tensor]], pictures: torch.Tensor) -> None:
    sums = [_Sums(torch.zeros(len(shift)), torch.zeros(len(shift))) for _, shift in blocks]
    hooks = [block.conv.register_forward_hook(one.add) for (block, _), one in zip(blocks, sums, strict=True)]
    for batch in pictures.split(16):
        model(batch.to(memory_format=torch.channels_last))
    for handle in hooks:
        handle.remove()
    for (block, shift), one in zip(blocks, sums, strict=True):
        mean = one.total / one.n
        variance = (one.squares / one.n - mean.square()).clamp(min=1e-6)
        block.bn.running_mean.copy_(mean)  # type: ignore[operator,union-attr]
        block.bn.running_var.copy_(variance)  # type: ignore[operator,union-attr]
        block.bn.weight.copy_((variance + block.bn.eps).sqrt())
        block.bn.bias.copy_(shift + mean)


def train(
    model: DetectionModel, rendered: list[TrainingPhoto], real: list[TrainingPhoto], args: argparse.Namespace
) -> DetectionModel:
    """Learn, and return the running average of the weights.

    How far it is lies in the cache, so that a training that was stopped goes on from there.
    """
    device = torch.device(args.device)
    model = model.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model.criterion = model.init_criterion()
    layers = model.model
    assert isinstance(layers, torch.nn.Sequential)
    layers[:FROZEN_LAYERS].eval().requires_grad_(False)
    average = copy.deepcopy(model).eval()
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decay = [parameter for parameter in learnt if parameter.ndim > 1]
    plain = [parameter for parameter in learnt if parameter.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}],
                                  lr=args.lr)  # fmt: skip
    kept = args.cache / f"refine-detector-{args.seed}-{args.photos}-{args.kinds}-{args.steps}.pt"
    first = 0
    if kept.is_file():
        state = torch.load(kept, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    started, losses = time.monotonic(), []
    for step in range(first, args.steps):
        rng = np.random.default_rng([args.seed, 4, step])
        share = step / args.steps
        for group in optimizer.param_groups:
            group["lr"] = float(args.lr * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share))))
        side = next(side for until, side in STAGES if share < until)
        # The last part without mosaics: photos as they will come.
        mosaics = MOSAIC_SHARE if share < STAGES[0][0] else 0.0
        batch = draw_batch(rng, rendered, real, args.batch, mosaics=mosaics, side_px=side)
        images = batch["img"].to(device, memory_format=torch.channels_last)
        # In half precision a CPU without its own instructions for it is ten times slower.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            predictions = model(images)
        predictions = tree_map(lambda v: v.float() if torch.is_tensor(v) and v.is_floating_point() else v, predictions)
        targets = {key: value.to(device) for key, value in batch.items() if key != "img"} | {"img": images}
        loss, _ = model.criterion(predictions, targets)
        optimizer.zero_grad()
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(learnt, 10.0)
        optimizer.step()
        losses.append(loss.detach().sum().item() / args.batch)
        with torch.no_grad():
            for old, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                if old.dtype.is_floating_point:
                    old.lerp_(new, 1 / min(step + 1, AVERAGED_STEPS))
                else:
                    old.copy_(new)
        if (step + 1) % KEEP_EVERY == 0 or step + 1 == args.steps:
            spent = time.monotonic() - started
            print(f"{spent:5.0f} s, step {step + 1}, loss {np.mean(losses[-KEEP_EVERY:]):.3f}", flush=True)
            part = kept.with_suffix(".part")
            torch.save({"model": model.state_dict(), "average": average.state_dict(),
                        "optimizer": optimizer.state_dict(), "step": step + 1}, part)  # fmt: skip
            os.replace(part, kept)
    return average


if __name__ == "__main__":
    main()
