"""Crops as points on a plane, and their clusters."""
