"""The version of Anomalure, written into every run and bundle."""

VERSION = "0.1.0"
