"""Encoders of the table of published models, and any model of timm, by name."""

from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Kept, Network
from models.encoders.spec import DEFAULT_INPUT_PX, HUB, EncoderSpec
from models.published.cache import State, check_file, find_path, find_state, has_agreed, measure_mb
from models.published.entry import ENCODER, PublishedModel
from models.published.table import get_model, list_encoders


class HubEncoder(EncoderSource):
    """A model by its name in the table, or ``timm/NAME``. Bundles do not copy its weights: the name finds them."""

    label = "A published encoder, by name (downloaded once)"
    word = HUB
    backbone = "dinov2-small"
    networks = tuple(list_encoders())
    can_be_trained = False

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.hub import open_open_clip, open_timm
        from models.published.fetching import fetch_files

        model = get_model(spec.backbone)
        paths = fetch_files(model, instead="use the installed encoder efficientnet_lite2.")
        if model.loader == "open_clip":
            network = open_open_clip(paths[0].parent, name=model.name)
        else:
            network = open_timm(paths[0].parent, name=model.name, input_px=spec.input_px)
        return Network(network, IMAGENET_MEAN, IMAGENET_SCALE, key=_find_key(model))

    def describe_kept(self, spec: EncoderSpec) -> Kept | None:
        """The converted network is found by the checksums of the files, without loading timm."""
        model = get_model(spec.backbone)
        if find_state(model) is not State.HERE or not has_agreed(model):
            return None
        return Kept(_find_key(model), (), IMAGENET_MEAN, IMAGENET_SCALE)

    def measure_mb(self, spec: EncoderSpec) -> float | None:
        """Of the files in the cache; as the table states it where they are not here."""
        model = get_model(spec.backbone)
        return measure_mb(model) if find_state(model) is State.HERE else model.size_mb

    def best_px(self, spec: EncoderSpec) -> int:
        """That of the table, else that of the config if it is here."""
        from models.encoders.hub import read_input_px

        model = get_model(spec.backbone)
        return model.input_px or read_input_px(find_path(model, model.files[-1]).parent) or DEFAULT_INPUT_PX


def _find_key(model: PublishedModel) -> str:
    return f"{ENCODER} " + " ".join(check_file(model, file).sha256 for file in model.files)


SOURCE = HubEncoder()
