"""The learned parts: detector, encoder, one-class models, bundles."""

import sys

# At every import OpenVINO reports to its maker, and it writes a number for this computer into the home folder. Where
# the module that does so cannot be imported, OpenVINO uses an empty one. This file is run before any other of `models`,
# and nothing outside of `models` imports OpenVINO.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
