"""Playing recorded runs: the server of the player, its standalone page, movies, the matplotlib player.

Everything reads result files through :mod:`abm.record`; neither the engine nor its compiler is needed.
"""
