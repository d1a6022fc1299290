"""What a killed process left under a temporary name is removed; what others write at the moment stays."""

import os
import subprocess
import sys

from core.disk.files import remove_leftovers, temporary_beside


def test_only_the_temporary_files_of_processes_that_are_gone_are_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    own = temporary_beside(tmp_path / "IMG_1.JPG")
    left = own.with_name(own.name.replace(f".{os.getpid()}-", f".{gone.pid}-"))
    others = [tmp_path / name for name in (".hidden", "a.tmp", ".a.tmp", ".a.12-zz.tmp", "IMG_1.JPG")]
    for path in (own, left, *others):
        path.write_bytes(b"x")

    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "not there")

    assert sorted(tmp_path.iterdir()) == sorted([own, *others])
