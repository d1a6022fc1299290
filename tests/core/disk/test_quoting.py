"""A file that is named as labels, whatever it is, is never quoted."""

import pytest

from core.errors import FileFormatError
from core.formats.recognise import read_labels
from core.photos.deployments import DeploymentNamer

SECRETS = (
    "root:x:0:0:hunter2:/root:/bin/bash\ndaemon:x:1:1::/:/bin/sh\n",
    "-----BEGIN OPENSSH hunter2 PRIVATE KEY-----\nb3BlbnNzaC1\n",
    "export TOKEN=hunter2\n",
    "hunter2,hunter2\n1,2\n",
    '{"hunter2": 1, "type": "service_account"}',
    '["hunter2"]',
    '{"images": [], "hunter2": {}}',
    "hunter2\thunter3\n1\t2\t3\n",
)


@pytest.mark.parametrize("content", SECRETS)
@pytest.mark.parametrize("name", ["labels.csv", "labels.json", "labels"])
def test_no_line_of_it_is_in_the_message(tmp_path, content, name):
    (tmp_path / name).write_text(content)

    with pytest.raises(FileFormatError) as refused:
        read_labels(tmp_path / name)

    assert not any(secret in str(refused.value) for secret in ("hunter", "service_account"))


def test_nor_in_that_of_a_table_of_cameras(tmp_path):
    (tmp_path / "cameras.csv").write_text("hunter2,place\n1,2\n")

    with pytest.raises(FileFormatError, match="got place, 1 other name") as refused:
        DeploymentNamer(tmp_path, pattern="", table=tmp_path / "cameras.csv", file_names=["a.jpg"])

    assert "hunter" not in str(refused.value)
