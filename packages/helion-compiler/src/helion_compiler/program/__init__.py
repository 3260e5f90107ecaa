"""The Program: what a kernel computes, as data, before any Config."""
