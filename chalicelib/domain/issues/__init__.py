"""Problems behind many cases, and whether a fix held."""
