"""Where models are computed: devices, OpenVINO, caches."""
