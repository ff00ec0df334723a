"""Umap, imported quickly."""


def import_umap():
    """Import umap without the ten seconds that its approximate search takes to compile.

    The search, pynndescent, compiles itself at import; nothing of the workflow uses it. In this
    process it would now run as plain Python.
    """
    import numba

    numba.config.DISABLE_JIT = True
    try:
        import pynndescent  # noqa: F401
    finally:
        numba.config.DISABLE_JIT = False
    import umap  # noqa: F401
