"""On what models compute: devices, OpenVINO, caches."""
