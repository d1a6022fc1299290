"""The layers of detectors from the YOLOv5 and YOLOv9 repositories, for running them. They are filled from a file.

Their names, and the names of their parts, are those in the files. None has a constructor of its own: opening a file
makes each layer empty and then puts its parts in. Only what a detector needs to run is here, nothing for training.

Source: Jocher, YOLOv5 (zenodo.3908559), 2020; Wang, Yeh and Liao, YOLOv9, ECCV 2024.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class Layer(torch.nn.Module):
    """A layer whose parts come from a file. In a ``Detector``, ``f`` says which layers' outputs it takes."""

    f: Any

    def __getattr__(self, name: str) -> Any:
        """A part; mypy knows none of them."""
        return super().__getattr__(name)


class Conv(Layer):
    """Convolution, batch normalisation if it was not folded in, activation."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h2, w2)``."""
        x = self.conv(x)
        return self.act(self.bn(x) if "bn" in self._modules else x)


class Bottleneck(Layer):
    """Two convolutions, added to what came in if ``add``."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to the same shape."""
        out = self.cv2(self.cv1(x))
        return x + out if self.add else out


class C3(Layer):
    """Half of the channels go through ``m``, half around it."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h, w)``."""
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))


class SPP(Layer):
    """Pooling over windows of several sizes."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h, w)``."""
        x = self.cv1(x)
        return self.cv2(torch.cat([x, *(pool(x) for pool in self.m)], dim=1))


class SPPF(Layer):
    """As ``SPP``, by pooling three times."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h, w)``."""
        pooled = [self.cv1(x)]
        for _ in range(3):
            pooled.append(self.m(pooled[-1]))
        return self.cv2(torch.cat(pooled, dim=1))


class Focus(Layer):
    """Every second pixel into channels, as YOLOv5 began until version 6."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, 3, h, w)`` to ``(n, c, h / 2, w / 2)``."""
        corners = [x[..., row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.conv(torch.cat(corners, dim=1))


class Concat(Layer):
    """Joins the channels of several layers."""

    def forward(self, xs: list[Tensor]) -> Tensor:
        """Several ``(n, c, h, w)`` to one."""
        return torch.cat(xs, dim=self.d)


class Same(Layer):
    """Passes on what comes in."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to the same."""
        return x


class RepConv(Layer):
    """A 3 x 3 and a 1 x 1 convolution, added; or one that both were folded into."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h, w)``."""
        if "conv" in self._modules:
            return self.act(self.conv(x))
        out = self.conv1(x) + self.conv2(x)
        if self._modules.get("bn") is not None:
            out = out + self.bn(x)
        return self.act(out)


class ELAN(Layer):
    """Half of the channels go through two more stages, and everything is joined."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h, w)``."""
        parts = list(self.cv1(x).chunk(2, dim=1))
        for stage in (self.cv2, self.cv3):
            parts.append(stage(parts[-1]))
        return self.cv4(torch.cat(parts, dim=1))


class ADown(Layer):
    """Halves the map: one half of the channels by a convolution, the other by pooling."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h / 2, w / 2)``."""
        one, other = F.avg_pool2d(x, kernel_size=2, stride=1).chunk(2, dim=1)
        pooled = F.max_pool2d(other, kernel_size=3, stride=2, padding=1)
        return torch.cat((self.cv1(one), self.cv2(pooled)), dim=1)


class SPPELAN(Layer):
    """As ``SPPF``; each pooling is a part of its own."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to ``(n, c2, h, w)``."""
        pooled = [self.cv1(x)]
        for pool in (self.cv2, self.cv3, self.cv4):
            pooled.append(pool(pooled[-1]))
        return self.cv5(torch.cat(pooled, dim=1))


class Pooled(Layer):
    """A pooling as a part of another layer."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` to the same shape."""
        return self.m(x)


class AnchorHead(Layer):
    """YOLOv5's last layer: boxes relative to anchors, with one confidence and the classes."""

    def forward(self, xs: list[Tensor]) -> Tensor:
        """Maps ``(n, c, h, w)`` to ``(n, 4 + classes, cells)``: centre, width, height in pixels, scores 0 to 1."""
        found = []
        for x, conv, anchors, stride in zip(xs, self.m, self.anchors, self.stride, strict=True):
            out = conv(x).unflatten(1, (len(anchors), self.no)).permute(0, 1, 3, 4, 2).sigmoid()  # (n, a, h, w, 5 + k)
            centres = (out[..., :2] * 2 - 0.5 + _cells(x)) * stride
            sizes = (out[..., 2:4] * 2) ** 2 * (anchors * stride).view(1, -1, 1, 1, 2)
            scores = out[..., 4:5] * out[..., 5 : 5 + self.nc]
            found.append(torch.cat((centres, sizes, scores), dim=4).flatten(1, 3))  # (n, a * h * w, 4 + k)
        return torch.cat(found, dim=1).transpose(1, 2)


class FreeHead(Layer):
    """YOLOv9's last layer: the distances of a box's sides from each cell. A second, helping head is left out."""

    def leave_out_helper(self) -> None:
        """Take only the layers that lead into the main head."""
        if self.is_dual and len(self.f) == 2 * self.nl:
            self.f = self.f[self.nl :]

    def forward(self, xs: list[Tensor]) -> Tensor:
        """Maps ``(n, c, h, w)`` to ``(n, 4 + classes, cells)``: centre, width, height in pixels, scores 0 to 1."""
        boxes, classes, bins = (self.cv4, self.cv5, self.dfl2) if self.is_dual else (self.cv2, self.cv3, self.dfl)
        found = []
        for x, of_box, of_class, stride in zip(xs, boxes, classes, self.stride, strict=True):
            sides = bins(of_box(x).flatten(2))  # (n, 4, h * w)
            cells = (_cells(x) + 0.5).view(1, -1, 2).transpose(1, 2)  # (1, 2, h * w)
            low, high = cells - sides[:, :2], cells + sides[:, 2:]
            scores = of_class(x).flatten(2).sigmoid()  # (n, classes, h * w)
            found.append(torch.cat(((low + high) / 2 * stride, (high - low) * stride, scores), dim=1))
        return torch.cat(found, dim=2)

    @property
    def is_dual(self) -> bool:
        """Whether it has a second head, which helped it to learn."""
        return "cv4" in self._modules


class DFL(Layer):
    """The mean of a distribution over distances."""

    def forward(self, x: Tensor) -> Tensor:
        """``(n, 4 * bins, cells)`` to ``(n, 4, cells)``."""
        shares = x.unflatten(1, (4, self.c1)).softmax(dim=2)  # (n, 4, bins, cells)
        return (shares * self.conv.weight.view(1, 1, -1, 1)).sum(dim=2)


class Detector(Layer):
    """A whole network: layers that say from which others their input comes (``f``; -1: the one before)."""

    def forward(self, pictures: Tensor) -> Tensor:
        """RGB 0 to 1 ``(n, 3, h, w)`` to ``(n, 4 + classes, cells)``."""
        layers = list(self.model)
        kept: dict[int, Tensor] = {-1: pictures}
        for i in self.list_needed():
            layer = layers[i]
            came = [kept[j] for j in _list_inputs(layer, i)]
            kept[i] = layer(came if isinstance(layer.f, list | tuple) else came[0])
        return kept[len(layers) - 1]

    def list_needed(self) -> list[int]:
        """The layers that the boxes depend on, in order."""
        layers = list(self.model)
        needed: set[int] = set()
        to_look = [len(layers) - 1]
        while to_look:
            i = to_look.pop()
            if i >= 0 and i not in needed:
                needed.add(i)
                to_look += _list_inputs(layers[i], i)
        return sorted(needed)


def _list_inputs(layer: Any, i: int) -> list[int]:
    """The numbers of the layers whose output layer ``i`` takes; -1: the pictures."""
    given = layer.f if isinstance(layer.f, list | tuple) else [layer.f]
    return [i + j if j < 0 else j for j in given]


def _cells(x: Tensor) -> Tensor:
    """Column and row of each cell of a map ``(n, c, h, w)``, as ``(1, 1, h, w, 2)``."""
    height, width = x.shape[2:4]
    rows, columns = torch.meshgrid(
        torch.arange(height, device=x.device), torch.arange(width, device=x.device), indexing="ij"
    )
    return torch.stack((columns, rows), dim=2).float().view(1, 1, height, width, 2)


LAYERS: dict[str, type[Layer]] = {
    "Model": Detector,
    "DetectionModel": Detector,
    "Detect": AnchorHead,
    "DDetect": FreeHead,
    "DualDDetect": FreeHead,
    "Conv": Conv,
    "DWConv": Conv,
    "Bottleneck": Bottleneck,
    "RepNBottleneck": Bottleneck,
    "C3": C3,
    "RepNCSP": C3,
    "SPP": SPP,
    "SPPF": SPPF,
    "Focus": Focus,
    "Concat": Concat,
    "Silence": Same,
    "RepConvN": RepConv,
    "RepNCSPELAN4": ELAN,
    "ADown": ADown,
    "SPPELAN": SPPELAN,
    "SP": Pooled,
    "DFL": DFL,
}
"""By the names of their classes in the files; layers that only training needs are not among them."""
