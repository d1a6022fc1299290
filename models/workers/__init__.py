"""Runs that several processes do together, on one computer or many."""
