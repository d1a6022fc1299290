"""A run: its shards and tables on disk, and the pipeline that fills them."""
