"""Landscapes made of formulas that look like those of real kernels: strategies are compared on them."""
