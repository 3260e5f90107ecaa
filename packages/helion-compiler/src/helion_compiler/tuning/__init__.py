"""Tuning: which config a specialization runs, measured and checked.

``choose_config`` is what others call. Importing the package imports none of it: workers that measure import
:mod:`helion_compiler.tuning.measurer` alone, and must not wait for a compiler.
"""
