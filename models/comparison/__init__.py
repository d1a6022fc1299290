"""Which encoder and which one-class model are best on the photos at hand."""
