"""A study: the project's folder with its runs, bundles, decisions and selections."""
