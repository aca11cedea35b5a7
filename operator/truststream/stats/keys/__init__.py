"""The judge's evidence on counts of two arms: keys, each an e-process under an assumption of its own.

Every function works on arrays of any leading shape (one release, or a thousand simulated ones), on the last axis of
which the grid of alternatives is laid out. All is in natural logarithms.
"""
