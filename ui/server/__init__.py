"""What the server does beside the pages: previews, warm-up, addresses."""
