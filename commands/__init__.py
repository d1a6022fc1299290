"""The jobs of the command line, one file a command: ``ABOUT``, ``add_options(parser)``, ``job(arguments)``."""
