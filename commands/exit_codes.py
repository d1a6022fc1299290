"""What the exit code of a command says."""

DONE, FAILED, WRONG_USAGE, SOME_PHOTOS_FAILED = 0, 1, 2, 3
