"""Writes and reads Parquet with a checksum for each page, so that a byte that a disk turned over is noticed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


def write_parquet(table: pa.Table, file: Path | BinaryIO | pa.NativeFile) -> None:
    """Write a table to an open file or a path."""
    pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def read_parquet(source: Path | pa.NativeFile, **how: Any) -> pa.Table:
    """The table in a file; ``how`` as in ``pyarrow.parquet.read_table``, such as ``columns``, ``schema``, ``filters``.

    Raises:
        OSError, pa.ArrowException: If it cannot be read, or is not as it was written. Files of earlier versions have no
            checksums.
    """
    with _naming(source):
        return pq.read_table(source, page_checksum_verification=True, **how)


def check_parquet(paths: Iterable[Path]) -> None:
    """Check the pages of these files, for readers that do not check them themselves, such as DuckDB.

    Raises:
        OSError, pa.ArrowException: As ``read_parquet``.
    """
    for path in paths:
        with _naming(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
            for _ in file.iter_batches():
                pass


@contextmanager
def _naming(source: object) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        is_of_disk = isinstance(error, OSError) and error.errno is not None
        if not isinstance(source, Path) or is_of_disk or source.name in str(error):
            raise
        why = "it is not what was written" if "CRC checksum" in str(error) else str(error)
        raise OSError(f"{source.name} is damaged: {why}") from error
