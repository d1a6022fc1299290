"""Rank the undecided crops of a run by the verdicts so far."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import safetensors
import safetensors.numpy
from scipy.special import expit

from core.errors import AnomalureError
from core.review.holding import match_crops
from core.review.rankings import RankingInfo, write_ranking
from core.review.stopping import Remaining, estimate_remaining
from core.review.training_labels import sort_verdicts
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from core.study.project import Project
from models.judging.normaliser import Normaliser
from models.loop.active_learning import draw_lots, order_by_likelihood, order_for_learning, predict_decided
from models.loop.ranker import Ranker
from models.loop.verdict_rows import gather_verdict_rows

# The name that models/bundles/bundle.py writes.
NORMALISER_FILE = "normaliser.safetensors"
OF_SPECIES = "species."
MOST_NORMALISED = 4_000
MOST_LEARNING = 4_000
"""The embeddings of this many of the most doubtful crops are kept, to choose the most informative of them."""
SEED = 0
_BOX = ["crop_id", "photo_id", "kind", "x", "y", "width", "height"]


def rank_run(
    project: Project, run: RunFolder, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> RankingInfo:
    """Train on all verdicts of the project, rank the run's undecided crops, and write the ranking to its folder.

    The ranker is also trained on verdicts of other runs with the same encoder. The verdicts of this run also measure
    how far the ranker can be trusted. ``on_progress`` gets the number of ranked crops and the total; an exception that
    it raises ends the work, and the ranking of before stays.

    Raises:
        AnomalureError: If the run is not scored yet.
    """
    if not run.tables("scores"):
        raise AnomalureError(f"Run {run.run_id} is not scored yet. Wait until it is done, or resume it.")
    labels = sort_verdicts(project.store.verdicts(with_second=True))
    trained = gather_verdict_rows(project, labels, encoders=run.info.encoders)
    catalogue = read_catalogue(run, [*_BOX, "score"])
    normaliser = _find_normaliser(project, run)
    places = match_crops(trained.rows.table, catalogue)
    score_of = catalogue["score"].to_numpy(dtype=float)
    scores = np.where(places >= 0, score_of[np.maximum(places, 0)], trained.scores)
    here = places >= 0
    width = sum(normaliser.sections)
    looks = normaliser.transform(trained.rows.vectors().reshape(-1, width))
    order = np.concatenate([np.flatnonzero(~here), np.flatnonzero(here)])  # each part in the order of its verdicts
    looks, scores, odd = looks[order], scores[order], trained.anomalous[order]
    ranker = Ranker.fit(looks, scores, odd)
    # Conflicts and doubtful crops are decided too: nobody needs to be shown them again.
    decided = set(catalogue["crop_id"][places[here]]) | _list_decided(project, catalogue)
    crop_ids, log_odds, doubted = _look_through(run, ranker, normaliser, catalogue, decided, on_progress)
    remaining = _estimate(looks, scores, odd, n_elsewhere=int((~here).sum()), log_odds=log_odds)
    likely = order_by_likelihood(log_odds, lots=draw_lots(crop_ids))
    learn = _order_learning(log_odds, doubted, decided=looks)
    info = RankingInfo(run.run_id, labels.last, int(odd.sum()), int((~odd).sum()), remaining)
    write_ranking(
        run,
        info,
        crop_ids=crop_ids,
        likelihoods=expit(log_odds),
        likely_places=_to_places(likely),
        learn_places=_to_places(learn),
    )
    return info


def _list_decided(project: Project, catalogue: pd.DataFrame) -> set[str]:
    holding = project.verdicts()
    places = match_crops(holding, catalogue) if len(holding) else np.zeros(0, dtype=int)
    return set(catalogue["crop_id"].iloc[places[places >= 0]])


def _find_normaliser(project: Project, run: RunFolder) -> Normaliser:
    """The normaliser of the run's bundle, which was fitted to normal crops; without a bundle, one fitted to the run.

    The bundle's models are not loaded, since that takes longer than the whole ranking.
    """
    if not run.info.bundle:
        return _fit_normaliser(run)
    try:
        arrays = safetensors.numpy.load_file(project.bundles_dir / run.info.bundle / NORMALISER_FILE)
        return Normaliser.from_arrays(
            {name.removeprefix(OF_SPECIES): array for name, array in arrays.items() if name.startswith(OF_SPECIES)}
        )
    except (OSError, ValueError, KeyError, safetensors.SafetensorError):
        return _fit_normaliser(run)


def _fit_normaliser(run: RunFolder) -> Normaliser:
    """A normaliser fitted to a sample of the run's crops, with a fixed seed."""
    rng = np.random.default_rng(SEED)
    shards = run.done_shards()
    share = MOST_NORMALISED / max(run.counts().crops, 1)
    parts: list[np.ndarray] = []
    sections: tuple[int, ...] = (1,)
    for _, rows in run.embedded_shards():
        sections = tuple(run.info.sections) or (rows.shape[1],)
        parts.append(rows if share >= 1 else rows[rng.random(len(rows)) < share])
    if not shards or not sum(map(len, parts)):
        raise AnomalureError(f"Run {run.run_id} has no crops to rank.")
    return Normaliser.fit(np.concatenate(parts), sections=sections)


def _look_through(
    run: RunFolder,
    ranker: Ranker,
    normaliser: Normaliser,
    catalogue: pd.DataFrame,
    decided: set[str],
    on_progress: Callable[[int, int], None],
) -> tuple[list[str], np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Ids and log-odds of the undecided crops, and the row and embedding of the most doubtful ones."""
    score_of = catalogue.set_index("crop_id")["score"].astype(float)
    crop_ids: list[str] = []
    odds: list[np.ndarray] = []
    kept_at, kept_doubt = np.zeros(0, dtype=int), np.zeros(0)
    kept_looks = normaliser.transform(np.zeros((0, sum(normaliser.sections)), dtype=np.float32))
    done = 0
    for crops, rows in run.embedded_shards():
        on_progress(done, len(catalogue))
        done += len(crops)
        is_open = ~crops["crop_id"].isin(decided).to_numpy(dtype=bool)
        open_ids = crops["crop_id"][is_open]
        ids = open_ids.tolist()
        looks = normaliser.transform(rows[is_open])
        part = ranker.log_odds(looks, open_ids.map(score_of).to_numpy(dtype=float))
        kept_at = np.concatenate([kept_at, len(crop_ids) + np.arange(len(ids))])
        kept_looks = np.concatenate([kept_looks, looks])
        kept_doubt = np.concatenate([kept_doubt, np.abs(part)])
        if len(kept_at) > MOST_LEARNING:
            keep = np.argpartition(kept_doubt, MOST_LEARNING)[:MOST_LEARNING]
            kept_at, kept_looks, kept_doubt = kept_at[keep], kept_looks[keep], kept_doubt[keep]
        crop_ids += ids
        odds.append(part)
    return crop_ids, np.concatenate([np.zeros(0), *odds]), (kept_at, kept_looks)


def _estimate(
    looks: np.ndarray, scores: np.ndarray, odd: np.ndarray, *, n_elsewhere: int, log_odds: np.ndarray
) -> Remaining:
    predicted = predict_decided(looks, scores, odd, known=n_elsewhere)
    return estimate_remaining(log_odds, predicted=predicted, anomalous=odd[n_elsewhere:])


def _order_learning(log_odds: np.ndarray, doubted: tuple[np.ndarray, np.ndarray], *, decided: np.ndarray) -> np.ndarray:
    at, looks = doubted
    first = at[order_for_learning(log_odds[at], looks, decided=decided)]
    rest = np.argsort(np.abs(log_odds), kind="stable")
    return np.concatenate([first, rest[~np.isin(rest, first)]])


def _to_places(order: np.ndarray) -> np.ndarray:
    places = np.empty(len(order), dtype=int)
    places[order] = np.arange(len(order))
    return places
