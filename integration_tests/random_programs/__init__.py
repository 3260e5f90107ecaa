"""Random kernels: written as Python text from one number each, run in the interpreter, compared with reference mode."""
