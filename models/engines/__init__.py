"""What models are computed with: devices, OpenVINO, and the cache of weights."""
