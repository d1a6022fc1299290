"""The jobs of the command line, one file per command: ``ABOUT``, ``add_options(parser)``, ``job(arguments)``."""
