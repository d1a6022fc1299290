"""The figures in the panels of work: a function ``draw_KIND`` for each kind that has one."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import plotly.graph_objects as go
from PIL import Image

from core.disk.bounded import read_bounded
from core.errors import AnomalureError
from core.work.detector_trainings import DetectorEpoch
from core.work.folder import WorkFolder
from core.work.trainings import CurvePoint
from models.autoencoder.pictures import SHEET
from models.jobs.bundle import BundleRequest
from ui.shared.palettes import FINE, ODD, QUIET

CURVE_PX = 280
PICTURES = {BundleRequest.kind: SHEET}
PICTURE_WORDS = {
    BundleRequest.kind: "Held-out crops, what the autoencoder puts together again, and where the two differ most: dark "
    "is as usual."
}
MOST_PICTURE_BYTES, MOST_PICTURE_PX = 16_000_000, 8_192


def draw(kind: str, work: WorkFolder) -> go.Figure | None:
    """The figure of work of this kind; None if it has nothing to draw, or not yet."""
    drawn = globals().get(f"draw_{kind}")
    figure: go.Figure | None = drawn(work) if drawn is not None else None
    return figure


def find_picture(kind: str, work: WorkFolder) -> bytes | None:
    """The picture that work of this kind draws while it goes on, as a PNG; None if it has none, or not yet."""
    name = PICTURES.get(kind)
    if name is None:
        return None
    try:
        content = read_bounded(work.path / name, most_bytes=MOST_PICTURE_BYTES)
        with Image.open(BytesIO(content), formats=("PNG",)) as picture:  # a project may come from somebody else
            is_shown = max(picture.size) <= MOST_PICTURE_PX
            picture.verify()
    except (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError):  # as in ui/server/previews.py
        return None
    return content if is_shown else None


def draw_bundle(work: WorkFolder) -> go.Figure | None:
    """The loss of the encoder's training."""
    points = work.read_curve(CurvePoint)
    if not points:
        return None
    try:
        epochs = work.read_request(BundleRequest).training.epochs
    except AnomalureError:
        epochs = 1
    return build_loss_figure(points, epochs=epochs, best_epoch=work.read_result().get("best_epoch"))


def draw_detector(work: WorkFolder) -> go.Figure | None:
    """How good the detector is after each epoch."""
    epochs = work.read_curve(DetectorEpoch)
    return build_detector_figure(epochs) if epochs else None


def draw_localize(work: WorkFolder) -> go.Figure | None:
    """The loss of a heat-map model: it learns sides up to 1, then squares up to 2."""
    points = work.read_curve(CurvePoint)
    if not points:
        return None
    figure = go.Figure()
    for name, colour, is_first in (("sides", FINE[0], True), ("squares", ODD[0], False)):
        part = [one for one in points if (one.epoch <= 1) == is_first]
        x, y = [round(one.epoch, 3) for one in part], [float(f"{one.loss:.4g}") for one in part]
        figure.add_trace(_line(name, x, y, colour, hover="%{y:.3g}"))
    figure.update_xaxes(tickvals=[0, 1, 2])
    return _lay_out(figure, y="Loss", x_range=[0, 2])


def build_loss_figure(points: Sequence[CurvePoint], *, epochs: int, best_epoch: int | None = None) -> go.Figure:
    """Loss by epoch: of the training crops as a line, of the held-out crops as a line with marks.

    Args:
        points: The curve so far.
        epochs: Number of epochs of the whole training.
        best_epoch: The epoch that was kept, which is marked; None: the lowest so far.
    """
    x, y = [round(point.epoch, 3) for point in points], [float(f"{point.loss:.4g}") for point in points]
    figure = go.Figure(_line("training crops", x, y, FINE[0], hover="epoch %{x:.1f}: %{y:.3g}"))
    held = [(point.epoch, point.held_out) for point in points if point.held_out is not None]
    if held:
        best = best_epoch if best_epoch is not None else min(held, key=lambda item: item[1])[0]
        is_best = [round(epoch) == round(best) for epoch, _ in held]
        figure.add_trace(
            _line(
                "held-out crops (star: kept)",
                [epoch for epoch, _ in held],
                [float(f"{loss:.4g}") for _, loss in held],
                ODD[0],
                dash="dot",
                marker={
                    "size": [13 if best else 6 for best in is_best],
                    "symbol": ["star" if best else "circle" for best in is_best],
                },
                hover="epoch %{x:.0f}, held out: %{y:.3g}",
            )
        )
    return _lay_out(figure, y="Loss", x_range=[0, epochs])


def build_detector_figure(epochs: Sequence[DetectorEpoch]) -> go.Figure:
    """mAP at 50% and at 50 to 95% overlap, precision and recall by epoch, on the held-out photos.

    Args:
        epochs: The epochs so far, in order; at least one.
    """
    lines = (
        ("mAP 50-95 (best is kept)", "map50_95", ODD[0], "solid"),
        ("mAP 50", "map50", FINE[0], "solid"),
        ("precision", "precision", QUIET[1], "dot"),
        ("recall", "recall", QUIET[1], "dash"),
    )
    figure = go.Figure()
    for name, field, colour, dash in lines:
        x, y = [epoch.epoch for epoch in epochs], [round(getattr(epoch, field), 4) for epoch in epochs]
        figure.add_trace(_line(name, x, y, colour, dash=dash, marker={"size": 5}, hover="epoch %{x}: %{y:.2f}"))
    figure.update_yaxes(range=[0, 1.02])
    return _lay_out(figure, y="On held-out photos", x_range=[0.5, max(epochs[-1].epochs, 2) + 0.5])


def _line(
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    colour: str,
    *,
    dash: str = "solid",
    marker: dict[str, Any] | None = None,
    hover: str,
) -> go.Scatter:
    return go.Scatter(
        x=list(x),
        y=list(y),
        name=name,
        mode="lines+markers" if marker else "lines",
        line={"color": colour, "width": 2, "dash": dash},
        marker=marker,
        hovertemplate=f"{hover}<extra></extra>",
    )


def _lay_out(figure: go.Figure, *, y: str, x_range: Sequence[float]) -> go.Figure:
    figure.update_layout(
        margin={"l": 48, "r": 8, "t": 8, "b": 36},
        height=CURVE_PX,
        xaxis_title="Epoch",
        yaxis_title=y,
        xaxis_range=list(x_range),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
