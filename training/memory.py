"""How the C library keeps memory while a planner is trained."""


def keep_memory() -> None:
    """Tell glibc to keep freed memory: returning it to the system takes a third of a step's time.

    Does nothing where the C library has no `mallopt`.
    """
    import ctypes

    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**28)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            tune(option, value)
