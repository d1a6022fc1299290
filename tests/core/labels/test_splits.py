"""No burst stands on both sides of a split."""

import numpy as np
import pytest

from core.labels.splits import hold_out_events


def test_events_are_never_torn_apart_and_the_share_is_met_as_nearly_as_they_allow():
    events = np.array([f"e{number // 4}" for number in range(400)])

    held = hold_out_events(events, share=0.2, seed=3)

    assert all(len(set(held[events == event])) == 1 for event in set(events))
    assert held.mean() == pytest.approx(0.2, abs=0.01)


def test_the_same_events_are_held_out_whatever_the_order_and_other_ones_with_another_seed():
    events = np.array([f"e{number}" for number in range(50)])
    back = hold_out_events(events[::-1], share=0.3)[::-1]

    assert (hold_out_events(events, share=0.3) == back).all()
    assert (hold_out_events(events, share=0.3, seed=1) != back).any()


@pytest.mark.parametrize(
    ("events", "share", "held"),
    [
        ([], 0.5, 0),
        (["a"], 0.5, 0),
        (["a", "a"], 0.9, 0),
        (["a", "b"], 0.01, 1),
        (["a", "b"], 1.0, 1),
        (["a", "b"], 0, 0),
    ],
)
def test_with_two_events_both_sides_have_one(events, share, held):
    assert hold_out_events(events, share=share).sum() == held


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        hold_out_events(["a"], share=1.5)
