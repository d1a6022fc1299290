"""Published models: a table of what there is, and the files of each in the cache of this computer."""
