"""Import of umap in a second."""


def import_umap():
    """Import umap without the ten seconds in which its approximate search compiles.

    The search is pynndescent, which compiles itself at import. The workflow does not use it. After
    this import it would run as plain Python in this process.
    """
    import numba

    numba.config.DISABLE_JIT = True
    try:
        import pynndescent  # noqa: F401
    finally:
        numba.config.DISABLE_JIT = False
    from umap import layouts

    # half of the time of a map of few cells is the compilation of its steps
    steps = getattr(layouts, "_nb_optimize_layout_euclidean_single_epoch", None)
    if steps is not None:
        steps.enable_caching()
