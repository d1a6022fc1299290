"""The server's work besides the pages: previews, warm-up, addresses."""
