"""The tidy table as Parquet. Pure."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stackmatrix.report.exports import COLUMNS, TRUTHS, WORDS


def to_parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    """The table with a type for each column, whether or not any row has a value there."""
    types = dict.fromkeys(COLUMNS, pa.float64()) | dict.fromkeys(WORDS, pa.string()) | dict.fromkeys(TRUTHS, pa.bool_())
    table = pa.Table.from_pylist(list(rows), schema=pa.schema(list(types.items())))
    data = io.BytesIO()
    pq.write_table(table, data, compression="zstd")
    return data.getvalue()
