"""Why a kernel of the suite is not at its limit: hardware counters beside what its machine code holds.

``python -m benchmarks.counters --only layer_norm-2048x65536`` needs a GPU and Nsight Compute's ``ncu``. Each column of
a case's table is one process (:mod:`benchmarks.counters.subject`) under ``ncu`` (:mod:`benchmarks.counters.nsight`),
whose page :mod:`benchmarks.counters.raw_page` reads; :mod:`benchmarks.counters.binding` says in words what binds.
"""
