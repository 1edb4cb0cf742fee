"""How a list of clips lies on disk: as a table, or as folders."""
