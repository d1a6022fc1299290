"""Camtrap DP packages: read and written."""
