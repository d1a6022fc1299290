"""A byte that turned over inside a Parquet file is noticed, whichever it is."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.disk.parquet import check_parquet, read_parquet, write_parquet

ROOT = Path(__file__).parents[3]
TABLE = pa.table({"crop_id": [f"{i:04d}" for i in range(300)], "score": [i / 7 for i in range(300)]})


@pytest.fixture
def path(tmp_path):
    write_parquet(TABLE, tmp_path / "scores.parquet")
    return tmp_path / "scores.parquet"


def turn_over(path, *, column):
    """Turn one bit over in the values of a column."""
    chunk = pq.read_metadata(path).row_group(0).column(column)
    content = bytearray(path.read_bytes())
    content[(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 20] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize(
    "read",
    [
        read_parquet,
        lambda path: check_parquet([path]),
        lambda path: read_parquet(path, filters=[("crop_id", "in", ["0007"])]),
    ],
)
def test_a_bit_that_turned_over_is_named_with_the_file(path, column, read):
    read(path)
    turn_over(path, column=column)

    with pytest.raises(OSError, match=r"^scores\.parquet is damaged: it is not what was written$"):
        read(path)


def test_a_file_of_an_earlier_version_without_checksums_is_read(tmp_path):
    pq.write_table(TABLE, tmp_path / "old.parquet")

    assert read_parquet(tmp_path / "old.parquet").equals(TABLE)
    check_parquet([tmp_path / "old.parquet"])


def test_all_parquet_is_written_and_read_with_checksums():
    bare = re.compile(r"pq\.(read_table|write_table)\(|pq\.ParquetFile\((?!.*page_checksum_verification=True)")
    files = [path for room in ("core", "models", "ui", "commands") for path in (ROOT / room).rglob("*.py")]

    assert len(files) > 300
    found = {path.relative_to(ROOT).as_posix() for path in files if bare.search(path.read_text("utf-8"))}
    assert found == {"core/disk/parquet.py"}
